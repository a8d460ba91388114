"""Writes states: the Faust tables, and at once our own view of them."""

from collections.abc import Callable, MutableMapping
from dataclasses import replace
from typing import TypeAlias

from schemas.events import Event, Kind
from schemas.state_codec import decode_state, encode_state
from schemas.states import Binding, State
from streams.worker.state_view import StateView, seen_of

Table: TypeAlias = MutableMapping[bytes, bytes]


class Recorder:
    """Reads and writes the states of the entities whose events are handled.

    Args:
        generation: of the consumer group, as of now.
        before_writing: ends the process if it stood still too long: others own its partitions then.

    Attributes:
        tables: of each kind: id in UTF-8 to the state's JSON; filled before the first event.
    """

    def __init__(self, view: StateView, generation: Callable[[], int], before_writing: Callable[[], None]) -> None:
        self.tables: dict[Kind, Table] = {}
        self._view = view
        self._generation = generation
        self._before_writing = before_writing

    def stored(self, event: Event) -> State | None:
        """The state of the event's subject."""
        value = self.tables[event.kind].get(event.subject.encode())
        return None if value is None else decode_state(event.kind, value)

    def record(self, event: Event, partition: int, state: State) -> State:
        """Write the state of the event's subject, with the next revision; only while the event is handled.

        Returns:
            The state as it was written.
        """
        self._before_writing()
        known = self.stored(event)
        before = (0, 0) if known is None else known.writer
        written = replace(state, writer=(max(before[0], self._generation()), before[1] + 1))
        self.tables[event.kind][event.subject.encode()] = encode_state(written)
        self._view.absorb(seen_of(event.kind, event.subject, partition, written, self._view.target))
        return written

    async def read_back(self, event: Event, written: State) -> None:
        """Wait until others can see what was just written, too."""
        await self._view.read_back((event.kind, event.subject), written.writer)

    def is_rightful(self, event: Event, binding: Binding) -> bool:
        """Whether the entry belongs to the event's subject, if several are bound to it."""
        return self._view.holder(binding.entry_uuid) == (event.kind, event.subject)
