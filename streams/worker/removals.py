"""How many entries were removed of late."""

from heapq import heapify, heappop, heappush
from typing import Final

_SLACK: Final = 1000  # outdated notes that are not worth a clean-up


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
        if len(self._notes) > 2 * len(self._last) + _SLACK:
            self._notes = [(last, one) for one, last in self._last.items()]
            heapify(self._notes)

    def since(self, time: int) -> int:
        """How many there were from a moment on; forgets older ones, and costs time only for those."""
        while self._notes and self._notes[0][0] < time:
            noted, identifier = heappop(self._notes)
            if self._last.get(identifier) == noted:
                del self._last[identifier]
        return len(self._last)
