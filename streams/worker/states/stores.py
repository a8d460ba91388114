"""Where a worker keeps the states of its own partitions: in memory, or in files (`state_store`).

Either is a copy that is made anew from Kafka whenever a partition comes, and thrown away when it goes: nothing in it is
trusted beyond the life of the process.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from streams.worker.states.scratch_folder import STATES, remove_orphans

StateStoreName: TypeAlias = Literal["memory", "rocksdb"]


class StateStore(Protocol):
    """The states of one kind: bytes by partition and key.

    Every method may raise CommandFailed, with one line for the operator, when the store cannot be read or written: the
    worker must end.
    """

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The state of an entity."""

    def write(self, partition: int, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Set some states, the later of one key over the earlier; None removes one."""

    def drop(self, partition: int) -> None:
        """Forget all states of a partition."""

    def close(self) -> None:
        """Forget everything; the store is not used any more."""


class MemoryStore:
    """Keeps them in dictionaries."""

    def __init__(self) -> None:
        self._states: defaultdict[int, dict[bytes, bytes]] = defaultdict(dict)

    def get(self, partition: int, key: bytes) -> bytes | None:
        """The state of an entity."""
        return self._states[partition].get(key)

    def write(self, partition: int, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Set some states, the later of one key over the earlier; None removes one."""
        states = self._states[partition]
        for key, value in pairs:
            if value is None:
                states.pop(key, None)
            else:
                states[key] = value

    def drop(self, partition: int) -> None:
        """Forget all states of a partition."""
        self._states.pop(partition, None)

    def close(self) -> None:
        """Forget everything."""
        self._states.clear()


def new_store(name: StateStoreName) -> StateStore:
    """Make an empty store; files that a worker which was killed has left are removed, whichever it is.

    Raises:
        CommandFailed: there is no room for its files.
    """
    if name == "memory":
        remove_orphans(STATES)
        return MemoryStore()
    from streams.worker.states.rocksdb_store import RocksdbStore  # noqa: PLC0415 - its package is an extra

    return RocksdbStore()
