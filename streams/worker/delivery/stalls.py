"""Finds partitions that stand still although there is something to read, and nothing of them is in work."""

from collections.abc import Collection, Mapping
from typing import Final

from faust.types import TP

from streams.worker.delivery.progress import Progress

STALL_SECONDS: Final = 10.0


class Stalls:
    """What is remembered of idle partitions from look to look. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._idle_since: dict[TP, tuple[int, float]] = {}  # `next`, and when it was that for the first time
        self._behind: dict[TP, int] = {}  # `next` of those that were idle and had something to read at the last look

    def forget(self) -> None:
        """Begin anew: reading was interrupted on purpose."""
        self._idle_since.clear()
        self._behind.clear()

    def idle(self, progress: Mapping[TP, Progress], busy: Collection[TP], now: float) -> dict[TP, int]:
        """The partitions in which nothing happened for `STALL_SECONDS`, with their `next`.

        Args:
            progress: of the partitions that this worker owns.
            busy: those of which something is in work.
            now: when they are looked at.
        """
        for tp, known in progress.items():
            if tp in busy or tp not in self._idle_since or self._idle_since[tp][0] != known.next:
                self._idle_since[tp] = (known.next, now)
        return {tp: mark for tp, (mark, since) in self._idle_since.items() if now - since > STALL_SECONDS}

    def stalled(self, idle: Mapping[TP, int], behind: Mapping[TP, bool], now: float) -> list[TP]:
        """Those of the idle ones that had something to read at two looks in a row.

        Args:
            idle: as `idle` gave them.
            behind: whether the log goes on beyond their `next`, where that is known.
            now: when that was.
        """
        found = [tp for tp, is_behind in behind.items() if is_behind and self._behind.get(tp) == idle[tp]]
        for tp, is_behind in behind.items():
            self._behind[tp] = idle[tp] if is_behind else -1
            self._idle_since[tp] = (idle[tp], now)
        return found
