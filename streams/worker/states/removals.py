"""How many entries were removed of late."""

from heapq import heapify, heappop, heappush
from typing import Final

_FEW: Final = 1000  # notes that are taken off one by one sooner than all at once


class Removals:
    """The last removal of each entity, until it is too old to count."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._notes: list[tuple[int, str]] = []  # a heap; a note is outdated when `_last` says something else

    def note(self, identifier: str, time: int) -> None:
        """Take note of an entity's last removal; saying the same again changes nothing."""
        if self._last.get(identifier) == time:
            return
        self._last[identifier] = time
        heappush(self._notes, (time, identifier))
        if len(self._notes) > 2 * len(self._last) + _FEW:
            self._note_anew()

    def since(self, time: int) -> int:
        """How many there were from a moment on; forgets older ones, and costs time only for those."""
        for _ in range(_FEW):
            if not self._notes or self._notes[0][0] >= time:
                return len(self._last)
            noted, identifier = heappop(self._notes)
            if self._last.get(identifier) == noted:
                del self._last[identifier]
        # The first question after the start: most removals are years old.
        self._last = {identifier: last for identifier, last in self._last.items() if last >= time}
        self._note_anew()
        return len(self._last)

    def _note_anew(self) -> None:
        self._notes = [(last, identifier) for identifier, last in self._last.items()]
        heapify(self._notes)
