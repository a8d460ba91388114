"""How long a "no" takes, so that its time says nothing.

A login that nobody has is refused after a search alone, and a wrong password only after a bind, whose hash may take
long. So every "no" takes at least as long as such binds usually do.
"""

import asyncio
import secrets
from collections import deque
from statistics import median
from time import monotonic
from typing import Final

SHORTEST_SECONDS: Final = 0.05  # below that, the clock's own grain and the load of the machine would tell them apart
_REMEMBERED: Final = 101
_LONGEST: Final = 4  # times the usual; what took longer, took so because of something else than the hash


class Pace:
    """What failed binds took, search included: the latest hundred."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)

    def note(self, seconds: float) -> None:
        """Take in what a failed bind took."""
        self._recent.append(seconds)

    def least(self, *, bound: bool) -> float:
        """How many seconds a "no" takes at least: the median, and without a bind as long as one of them by chance.

        Always the same time would tell that there was no bind: of those with one every second takes longer.
        """
        usual = max(SHORTEST_SECONDS, median(self._recent)) if self._recent else SHORTEST_SECONDS
        if bound or not self._recent:
            return usual
        example = secrets.choice(self._recent)
        return max(usual, min(example, usual * _LONGEST))

    async def hold(self, began: float, *, bound: bool) -> None:
        """Wait until a "no" to what began then (monotonic seconds) is due."""
        await asyncio.sleep(max(0.0, began + self.least(bound=bound) - monotonic()))
