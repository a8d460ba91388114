"""Faust's table of the states of one kind, kept in a `StateStore` of our own.

Faust takes the events of a changelog one by one, some 100 microseconds each: after a rebalance a million states would
stop a worker for minutes. Here they go from the fetch right into the store, and Faust is shown only how far they are.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, Final

from faust import Table
from faust.stores import memory
from faust.streams import current_event
from faust.types import TP

from streams.worker.delivery.consumer_thread import LOGGER
from streams.worker.states.stores import StateStore

_URL: Final = "ldapflow:"  # Faust wants one, to show


class _TableStore(memory.Store[bytes, bytes]):
    """What Faust asks of a store, for those partitions that the worker owns.

    Like Faust's own in memory, whose place it takes, it tells Faust that nothing was kept from an earlier time.

    Args:
        states: has the bytes.
    """

    logger = LOGGER

    def __init__(self, states: StateStore, table: "StateTable") -> None:
        super().__init__(_URL, table.app, table)
        self._states = states
        self._table = table

    # -- while an event is handled: of its partition ------------------------------------------------------------------

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._states.write(_partition(), ((key, value),))

    def __delitem__(self, key: bytes) -> None:
        self._states.write(_partition(), ((key, None),))

    # -- between: the states come and go with their partition ---------------------------------------------------------

    async def on_rebalance(
        self,
        assigned: set[TP],  # noqa: ARG002 - Faust's signature
        revoked: set[TP],
        newly_assigned: set[TP],
        generation_id: int = 0,  # noqa: ARG002 - Faust's signature
    ) -> None:
        """Forget what others write now, and whatever was left of what is read anew."""
        # Faust reads on from here, and takes note of events that it finds after their partition has left.
        tables: Any = self._table.app.tables
        offsets = tables.recovery.active_offsets
        for tp in revoked | newly_assigned:
            if tp.topic == self._table.changelog_topic.get_topic_name():
                self._states.drop(tp.partition)
                offsets.pop(tp, None)

    def apply_changelog_batch(self, *_: Any, **__: Any) -> None:
        """Do nothing: `StateTable.restore` has it already, and maybe newer ones."""

    async def on_stop(self) -> None:
        """Let go of the files."""
        self._states.close()


class StateTable(Table):  # type: ignore[type-arg]  # faust.Table takes its types at runtime
    """A table that tells when Kafka has a write.

    Faust flushes its producer before it commits, but its flush may return while writes are on their way.

    Args:
        states: keeps them.

    Attributes:
        last_write: of the state that was set last; done when Kafka has it, or with the reason why it has not.
    """

    logger = LOGGER

    last_write: Awaitable[Any]

    def __init__(self, *args: Any, states: StateStore, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._states = states
        self._data = _TableStore(states, self)

    def get(self, key: Any, default: Any = None, /) -> Any:
        """The state of an entity; only while an event of its partition is handled."""
        found = self._states.get(_partition(), key)
        return default if found is None else found

    def restore(self, partition: int, records: Sequence[Any]) -> None:
        """Take over what was fetched from the changelog: aiokafka's records, in the order of the log.

        Whatever was fetched before may come again, if everything behind it comes again as well.
        """
        self._states.write(partition, [(record.key, record.value) for record in records])

    def send_changelog(self, *args: Any, **kwargs: Any) -> Any:
        """Send a write, and remember it."""
        sent = super().send_changelog(*args, **kwargs)
        self.last_write = sent
        return sent


def _partition() -> int:
    event = current_event()
    if event is None:
        raise RuntimeError("states are read and written only while an event of their partition is handled")
    partition: int = event.message.partition
    return partition
