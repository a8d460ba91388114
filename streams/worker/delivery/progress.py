"""How far one partition has come: the watermark that alone is committed (design section 2, rules 1 to 3)."""

from collections import deque
from collections.abc import Sequence
from typing import Final

AHEAD_LIMIT: Final = 10_000  # offsets beyond `next`; bounds the memory that one stuck entity can cost


class Hole(RuntimeError):
    """An event was about to be handled before an earlier one of its partition; the worker must restart."""


class Progress:
    """Offsets of one partition, from the log to *done*.

    Attributes:
        next: everything before it is done (written, stale, waiting, held or dead-lettered, and the table written).
        position: the offset that the log gives next.
        durable: the offset known to be committed at the broker; None when none is.
        absent: how many stretches of offsets the log turned out to lack.
        history_end: what lies before it is history, from which states are made again.
        told_end: what lies before it was done before: its dead letters are written.
    """

    __slots__ = (
        *("_done", "_doubted", "_fetched", "_intake", "_refusing"),
        *("absent", "durable", "history_end", "next", "position", "told_end"),
    )

    def __init__(self, start: int, durable: int | None, history_end: int = 0, told_end: int = 0) -> None:
        self.next = start
        self.position = start
        self.durable = durable
        self.history_end = history_end
        self.told_end = told_end
        self.absent = 0
        self._intake = start
        self._refusing = False  # since it was full: what was delivered then is still coming in, and must come again
        self._doubted: int | None = None  # from here on the log seemed to give nothing
        self._done: dict[int, int] = {}  # offset -> offset that follows; done early, or absent in the log
        self._fetched: deque[int] | None = None  # fetched, not yet handed to the agents; None: must be read again

    @property
    def is_in_history(self) -> bool:
        """Whether states are still being made again: until all of it is done, none of it counts as done."""
        return self.next < self.history_end

    @property
    def must_rewind(self) -> bool:
        """Delivered events may have been thrown away: the partition is to be read again from `next`."""
        return self._fetched is None or bool(self._fetched)

    @property
    def is_full(self) -> bool:
        """Too far beyond `next` to hand over more."""
        return self._intake - self.next >= AHEAD_LIMIT

    def refuse(self) -> None:
        """Hand nothing over until the log was read again from where this was said."""
        self._refusing = True
        self.forget()

    def forget(self) -> None:
        """Say that delivered events may have been thrown away."""
        self._fetched = None

    def rewind(self, offset: int) -> None:
        """Say that the log was sought to an offset: `next` as it was when that was asked for."""
        self.position = offset
        self._fetched = deque()

    def begins_at(self, first: int) -> bool:
        """Note where the log begins. True: what is due next is not in it any more, and is stepped over."""
        due = max(self._intake, self.next)
        if first <= due:
            return False
        self._skip(due, first)
        self._advance()
        return True

    def fetch(self, offsets: Sequence[int]) -> list[range]:
        """Note what the log gave.

        Returns:
            The stretches of offsets that the log does not have (transaction markers, compaction, retention).

        Raises:
            Hole: the log went backwards (the topic was made anew).
        """
        if offsets[0] < self.position:
            raise Hole(f"the log gave {offsets[0]} after {self.position - 1}: was the topic made anew?")
        lacking = []
        expected = self.position
        if offsets[-1] - expected + 1 != len(offsets):
            for offset in offsets:
                if offset > expected:
                    lacking.append(range(expected, offset))
                    self._skip(expected, offset)
                expected = offset + 1
            self._advance()
        self.position = offsets[-1] + 1
        self._fetched = deque(offsets)
        return lacking

    def pass_over(self, position: int) -> None:
        """Note that the client has come to a position, and gave nothing on the way.

        Markers of transactions lie between, or what was lost with a fetch that was broken off. So it is read again, as
        soon as all before it is done, and stepped over when that gives nothing either.
        """
        if position <= self.position or self.position != self.next or self.must_rewind:
            return
        if self._doubted != self.position:
            self._doubted = self.position
            self.forget()
            return
        self._skip(self.position, position)
        self._advance()
        self.position = position

    def deliver(self, offset: int) -> bool:
        """Note that an event goes to the agents. False: the fetch was thrown away meanwhile, read again."""
        if not self._fetched or self._fetched[0] != offset:
            self._fetched = None
            return False
        self._fetched.popleft()
        return True

    def take(self, offset: int) -> bool:
        """Hand an event over, once and in order. False: a repeat of one that is in work or done.

        Raises:
            Hole: an earlier event never came.
        """
        due = max(self._intake, self.next)
        while due < offset and due in self._done:
            due = self._done[due]
        if offset < due:
            return False
        if offset > due:
            if self._refusing:
                return False
            raise Hole(f"{offset} came, {due} is due")
        self._refusing = False
        self._intake = offset + 1
        return True

    def must_commit(self, offset: int) -> bool:
        """Whether the broker has to be told that all before an offset is done; also of a start without a commit."""
        is_new = self.durable is None or offset > self.durable
        return is_new and offset <= self.next and not self.is_in_history

    def finish(self, offset: int) -> None:
        """Note that an event is done."""
        if offset < self.next:
            return
        if offset == self.next and not self._done:
            self.next = offset + 1  # the usual case, made short
            return
        self._done[offset] = offset + 1
        self._advance()

    def _skip(self, first: int, following: int) -> None:
        if following > self.next:
            self.absent += 1
            self._done.setdefault(max(first, self.next), following)

    def _advance(self) -> None:
        while self.next in self._done:
            self.next = self._done.pop(self.next)
