"""Writes states: the Faust tables, and at once our own view of them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from schemas.events import Event, Kind, Subject
from schemas.state_codec import decode_state, decode_writer, encode_state
from schemas.states import Binding, State
from streams.worker.states.state_view import Seen, StateView, seen_of

MAX_STATE_BYTES: Final = 900_000  # Kafka's default limit for a message is 1 MiB


class Table(Protocol):
    """A `StateTable`: id in UTF-8 to the state's JSON.

    Attributes:
        last_write: of the state that was set or removed last; done when Kafka has it.
    """

    last_write: Awaitable[Any]

    def get(self, key: bytes, /) -> bytes | None:
        """The state of an entity."""

    def __setitem__(self, key: bytes, value: bytes, /) -> None: ...

    def __delitem__(self, key: bytes, /) -> None: ...


def fits(state: State) -> bool:
    """Whether Kafka would take the state."""
    return len(encode_state(state)) <= MAX_STATE_BYTES


class Recorder:
    """Reads and writes the states of the entities whose events are handled.

    Args:
        generation: of the consumer group, as of now.
        before_writing: ends the process if it stood still too long: others own its partitions then.
        read_again: the state that the view has seen, from where it lies; None when it is gone from there for good.
        catch_up: waits until the view has everything that was written until now.

    Attributes:
        tables: of each kind; filled before the first event.
    """

    def __init__(
        self,
        view: StateView,
        generation: Callable[[], int],
        before_writing: Callable[[], None],
        read_again: Callable[[Seen], Awaitable[State | None]],
        catch_up: Callable[[], Awaitable[None]],
    ) -> None:
        self.tables: dict[Kind, Table] = {}
        self._view = view
        self._generation = generation
        self._before_writing = before_writing
        self._read_again = read_again
        self._catch_up = catch_up
        self._unacknowledged: dict[Subject, Awaitable[Any]] = {}

    async def current(self, event: Event) -> State | None:
        """The state of the event's subject.

        The table has the last one that was written, which may be a zombie's; the view knows if there is a newer one.
        Kafka has it: who handled an earlier event may have lost the partition, and given up, before that.

        Raises:
            Retryable: Kafka does not answer, or does not show the newer one now.
        """
        await self._acknowledged((event.kind, event.subject))
        while True:
            stored = self._stored(event)
            seen = self._view.get((event.kind, event.subject))
            if seen is None or (stored is not None and stored.writer >= seen.revision):
                return stored
            newer = await self._read_again(seen)
            if newer is not None:
                return newer
            # Compaction took it, which it does only after another one of the same key was written behind it. The view
            # will show that one, unless it ignores it as a zombie's: then the newer state is nowhere any more, and the
            # older one is all there is. (Or it is our own write that has not come back yet: the same wait shows it.)
            await self._catch_up()
            again = self._view.get((event.kind, event.subject))
            if again is not None and (again.revision, again.offset) == (seen.revision, seen.offset):
                return stored

    def _stored(self, event: Event) -> State | None:
        value = self.tables[event.kind].get(event.subject.encode())
        return None if value is None else decode_state(event.kind, value)

    async def record(self, event: Event, partition: int, state: State) -> State:
        """Write the state of the event's subject, with the next revision; only while the event is handled.

        Returns:
            The state as it was written, when Kafka has it: only then may the event be done.
        """
        self._before_writing()
        table, key = self.tables[event.kind], event.subject.encode()
        known, seen = table.get(key), self._view.get((event.kind, event.subject))
        before = max((0, 0) if known is None else decode_writer(known), (0, 0) if seen is None else seen.revision)
        written = replace(state, writer=(max(before[0], self._generation()), before[1] + 1))
        table[key] = encode_state(written)
        self._unacknowledged[event.kind, event.subject] = table.last_write
        self._view.absorb(seen_of(event.kind, event.subject, partition, written, self._view.target))
        await self._acknowledged((event.kind, event.subject))
        return written

    async def forget(self, event: Event) -> None:
        """Remove the state of the event's subject; returns when Kafka has the tombstone."""
        self._before_writing()
        table = self.tables[event.kind]
        del table[event.subject.encode()]
        self._unacknowledged[event.kind, event.subject] = table.last_write
        self._view.forget((event.kind, event.subject))
        await self._acknowledged((event.kind, event.subject))

    async def _acknowledged(self, subject: Subject) -> None:
        """Wait until Kafka has what was written of an entity last."""
        delivered = self._unacknowledged.get(subject)
        if delivered is not None:
            await asyncio.shield(delivered)  # whoever gives up waiting must not take the write back
            self._unacknowledged.pop(subject, None)  # its events are handled one after the other

    async def read_back(self, event: Event, written: State) -> None:
        """Wait until others can see what was just written, too."""
        await self._view.read_back((event.kind, event.subject), written.writer)

    def is_rightful(self, event: Event, binding: Binding) -> bool:
        """Whether the entry belongs to the event's subject, if several are bound to it."""
        return self._view.holder(binding.entry_uuid) == (event.kind, event.subject)
