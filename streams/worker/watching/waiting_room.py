"""Who waits for what, and when it is time to try again (design section 4, "Waiting is a state").

Only the owner of a state releases it: after every write of a waiting state (no lost wake-up), when the view reports a
change of what it waits for, on assignment, and every 30 s. A release is a redrive, never an act.

One change may concern hundreds of thousands. So it is only queued when the view reports it; who waits for it is found
and tested when its turn comes.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias, assert_never

from processors.placement import Unplaced, place_below
from schemas.dn import DN
from schemas.events import Kind, RedriveReason, Subject
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, Revision, Status
from streams.worker.states.index import Index
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives

FIRST_RETRY_SECONDS: Final = 30.0
LAST_RETRY_SECONDS: Final = 3600.0
RETRIES_PER_SWEEP: Final = 300  # 10 a second: those that need a look into the directory


class _Change(Enum):
    """What may release somebody who waits."""

    OWN = auto()  # its own state was written
    ENTITY = auto()  # of that one
    CHILD = auto()  # of that one
    WAY = auto()  # over that organization to the top
    TREE = auto()  # of any organization
    MOVED = auto()  # that one took or lost a DN


_Key: TypeAlias = tuple[_Change, Subject]
_TREE: Final[_Key] = (_Change.TREE, (Kind.ORGANIZATION, ""))  # whichever it is


@dataclass(slots=True)
class _Retry:
    """When an entity that only the directory can release is tried again."""

    revision: tuple[int, int]
    wait: float
    due: float


class WaitingRoom:
    """Releases waiting entities of the partitions that this worker owns.

    Args:
        owns: whether a partition of a kind is ours.
        now: monotonic seconds.
        backlog: where tests wait for their turn.
    """

    def __init__(
        self,
        view: StateView,
        redriver: Redrives,
        source_node: str,
        owns: Callable[[Kind, int], bool],
        now: Callable[[], float],
        backlog: Backlog,
    ) -> None:
        self._view = view
        self._redriver = redriver
        self._source_node = source_node
        self._owns = owns
        self._now = now
        self._backlog = backlog
        self._waiting: dict[Subject, Seen] = {}
        self._by_awaited: Index[_Key, Subject] = Index()
        self._retries: dict[Subject, _Retry] = {}
        self._swept: dict[Subject, Revision] = {}  # released by a sweep, in vain if it still has that revision
        view.listen(self._on_change)

    def sweep(self) -> None:
        """Ask for a test of everybody who waits in our partitions; also to be called on assignment.

        Whom the view releases but the directory does not is not tried again at once, but as those are whom only the
        directory can release.
        """
        self._backlog.add(self._sweep, RETRIES_PER_SWEEP)

    def _sweep(self, budget: int) -> Iterator[None]:
        for subject in tuple(self._waiting):
            yield
            seen = self._waiting.get(subject)
            if seen is None or not self._owns(seen.kind, seen.partition):
                continue
            if self._is_released(seen) and self._swept.get(subject) != seen.revision:
                self._swept[subject] = seen.revision
                self._release(seen)
            elif budget and self._is_due(subject):
                budget -= 1
                self._waiting[subject] = self._waiting.pop(subject)  # whom the budget did not reach is before it now
                self._release(seen)
            else:
                self._break_circle(seen)

    def recheck(self, subject: Subject, occupied: DN) -> None:
        """Test an entity that was just recorded as waiting for another that stood at `occupied`.

        The other may have left, and the view may have known it, before the wait was recorded.
        """
        seen = self._waiting.get(subject)
        if seen is None or not isinstance(seen.awaited, AwaitsEntity):
            return
        other = self._view.get(seen.awaited.subject(seen.kind))
        if other is None or other.binding is None or not DN.parse(other.binding.dn).matches(occupied):
            self._release(seen)

    def _on_change(self, before: Seen | None, seen: Seen | None) -> None:
        """Keep the index, and queue what may release somebody."""
        either = seen or before
        if either is None:
            return
        subject = either.subject
        known = self._waiting.pop(subject, None)
        if known is not None:
            for key in _awaited(known):
                self._by_awaited.discard(key, subject)
        if seen is not None and seen.status is Status.WAITING:
            self._waiting[subject] = seen
            for key in _awaited(seen):
                self._by_awaited.add(key, subject)
            self._plan_retry(seen)
            self._backlog.add(self._look, (_Change.OWN, subject))
        else:
            self._retries.pop(subject, None)
            self._swept.pop(subject, None)
        for change in _touched(before, seen):
            if _index_key(change) in self._by_awaited:
                self._backlog.add(self._look, change)

    def _look(self, change: _Key) -> Iterator[None]:
        """Test those whom a change may release, as the view is now."""
        key = _index_key(change)
        for subject in (change[1],) if change[0] is _Change.OWN else tuple(self._by_awaited[key]):
            seen = self._waiting.get(subject)
            if seen is not None:
                # Whether who moved still stands in the way, only the directory can tell.
                self._test(seen, released=change[0] is _Change.MOVED and key in _awaited(seen))
            yield

    def _test(self, seen: Seen, *, released: bool) -> None:
        if released or self._is_released(seen):
            if self._owns(seen.kind, seen.partition):
                self._release(seen)
        else:
            self._break_circle(seen)

    def _break_circle(self, seen: Seen) -> None:
        """If A waits for B's name and B, maybe by others, for A, somebody who wants a name takes a temporary one.

        Of several the one with the smallest id. An organization that goes as soon as nobody is below it makes a circle
        with whoever wants its name: those below may wait for that one, or it may be one of them.
        """
        circle, members = [seen], {seen.subject}
        while True:
            awaited = _awaited_subject(circle[-1])
            following = None if awaited is None else self._waiting.get(awaited)
            if following is None:
                return
            if following is seen or isinstance(following.awaited, AwaitsChildren):
                break
            if following.subject in members:
                return  # a circle, but not through this one
            circle.append(following)
            members.add(following.subject)
        if following is not seen:
            circle = circle[-1:]
        can_step_aside = [member for member in circle if member.reason == "dn_occupied"]
        if not can_step_aside:
            return
        first = min(can_step_aside, key=lambda member: (member.id, member.kind))
        if self._owns(first.kind, first.partition):
            self._ask(first, RedriveReason.CYCLE)

    def _is_released(self, seen: Seen) -> bool:
        """Whether what it waits for has happened, by the view alone."""
        match seen.awaited:
            case None | AwaitsTime():
                return False
            case AwaitsOrganization(organization_id):
                own_id = seen.id if seen.kind is Kind.ORGANIZATION else None
                placement = place_below(seen.parents, self._view.organization, self._source_node, own_id)
                # Another obstacle counts too: who waits must be told apart by what it waits for.
                return not (isinstance(placement, Unplaced) and placement.organization_id == organization_id)
            case AwaitsEntity() as awaited:
                other = self._view.get(awaited.subject(seen.kind))
                return other is None or not other.is_bound
            case AwaitsChildren():
                return self._view.is_empty_below(seen.id)
            case _:
                assert_never(seen.awaited)

    def _plan_retry(self, seen: Seen) -> None:
        """Note when to try although the view does not release it: after 30 s, doubling to 1 h, with jitter."""
        if seen.awaited is None:
            self._retries.pop(seen.subject, None)
            return
        known = self._retries.get(seen.subject)
        if known is None or known.revision != seen.revision:
            self._retries[seen.subject] = _Retry(seen.revision, FIRST_RETRY_SECONDS, self._later(FIRST_RETRY_SECONDS))

    def _later(self, seconds: float) -> float:
        return self._now() + random.uniform(0.5, 1) * seconds  # noqa: S311 - spreads the load

    def _is_due(self, subject: Subject) -> bool:
        retry = self._retries.get(subject)
        if retry is None or self._now() < retry.due:
            return False
        retry.wait = min(retry.wait * 2, LAST_RETRY_SECONDS)
        retry.due = self._later(retry.wait)
        return True

    def _release(self, seen: Seen) -> None:
        self._ask(seen, RedriveReason.RELEASE)

    def _ask(self, seen: Seen, reason: RedriveReason) -> None:
        self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, reason)


def _awaited_subject(seen: Seen) -> Subject | None:
    match seen.awaited:
        case AwaitsEntity() as awaited:
            return awaited.subject(seen.kind)
        case AwaitsOrganization(identifier):
            return Kind.ORGANIZATION, identifier
        case _:
            return None


def _awaited(seen: Seen) -> Iterator[_Key]:
    """The changes that may release it."""
    if seen.reason == "parent_cycle":
        yield _TREE  # any organization may open it
    match seen.awaited:
        case AwaitsOrganization(identifier):
            yield _of(_Change.WAY, identifier)
        case AwaitsEntity() as awaited:
            yield _Change.ENTITY, awaited.subject(seen.kind)
        case AwaitsChildren():
            yield _of(_Change.CHILD, seen.id)
        case _:
            pass


def _index_key(change: _Key) -> _Key:
    """Under what those are found whom a change may release."""
    return (_Change.ENTITY, change[1]) if change[0] is _Change.MOVED else change


def _touched(before: Seen | None, seen: Seen | None) -> set[_Key]:
    """The changes that a new state means."""
    change = _Change.ENTITY if _dn(before) == _dn(seen) else _Change.MOVED
    touched: set[_Key] = set()
    for known in (before, seen):
        if known is not None:
            touched |= {(change, known.subject), *(_of(_Change.CHILD, parent) for parent in known.parents)}
            if known.kind is Kind.ORGANIZATION:
                touched |= {(_Change.WAY, known.subject), _TREE}
    # It may have been on the way of others: below it they wait for it, or go another way now. Accounts are on nobody's
    # way: thousands that wait for one organization are not tested again with each of them.
    if before is not None and before.kind is Kind.ORGANIZATION and _way(before) != _way(seen):
        touched |= {_of(_Change.WAY, parent) for parent in before.parents}
    return touched


def _of(change: _Change, organization_id: str) -> _Key:
    return change, (Kind.ORGANIZATION, organization_id)


def _way(seen: Seen | None) -> object:
    return None if seen is None else (seen.parents, seen.is_deleted, seen.is_bound)


def _dn(seen: Seen | None) -> str | None:
    return None if seen is None or seen.binding is None else seen.binding.dn
