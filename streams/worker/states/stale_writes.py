"""Which states differ from earlier ones by what a stale event left in them alone, or by nothing.

A stale event changes no more than `receivedTime` and `pushId`, a heal nothing, but like every write they give the state
a new revision. A redrive that was on its way for the earlier one is still meant: dropping it would lose a wake-up,
since nobody applies a state because of them.
"""

from collections import OrderedDict
from typing import Final

from schemas.events import Subject
from schemas.states import Revision

_KEPT: Final = 10_000  # entities; redrives are seconds on their way, not hours


class StaleWrites:
    """Remembers the latest ones; whoever takes a partition over looks at everything anyway."""

    def __init__(self) -> None:
        self._chains: OrderedDict[Subject, tuple[Revision, Revision]] = OrderedDict()  # the first and the last of each

    def note(self, subject: Subject, before: Revision, after: Revision) -> None:
        """Take note that a stale event, or a heal, made `after` of `before`."""
        first, last = self._chains.pop(subject, (before, before))
        self._chains[subject] = (first if last == before else before, after)
        if len(self._chains) > _KEPT:
            self._chains.popitem(last=False)

    def cover(self, subject: Subject, revision: Revision, stored: Revision) -> bool:
        """Whether the state of `revision` says the same as the one that is stored, but for those two."""
        first, last = self._chains.get(subject, (stored, stored))
        return revision == stored or (last == stored and first <= revision <= last)
