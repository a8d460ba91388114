"""How long a "no" takes, so that its time says nothing.

A login that nobody has is refused after a search alone, and a wrong password only after a bind, whose hash may take
long. So every "no" takes at least as long as such binds usually do.
"""

import asyncio
from collections import deque
from statistics import median
from time import monotonic
from typing import Final

SHORTEST_SECONDS: Final = 0.05  # below that, the clock's own grain and the load of the machine would tell them apart
_REMEMBERED: Final = 101


class Pace:
    """The running median of what failed binds took, search included."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_REMEMBERED)

    def note(self, seconds: float) -> None:
        """Take in what a failed bind took."""
        self._recent.append(seconds)

    @property
    def seconds(self) -> float:
        """What a "no" takes at least."""
        return max(SHORTEST_SECONDS, median(self._recent)) if self._recent else SHORTEST_SECONDS

    async def hold(self, began: float) -> None:
        """Wait until a "no" to what began then (monotonic seconds) is due."""
        await asyncio.sleep(max(0.0, began + self.seconds - monotonic()))
