"""Notices who enters or leaves the scope because an organization above was moved (design section 4, "Placement").

An entity's own events say nothing of it, so each owner redrives what lies below a moved organization.
"""

from collections.abc import Callable, Iterable, Iterator

from processors.placement import Outside, Placed, is_source_or_root, place_below, walk
from schemas.dn import DN
from schemas.events import Kind, RedriveReason, Subject
from schemas.states import Status
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives


class ScopeWatch:
    """Redrives entities of our partitions whose scope is not what their status says.

    Args:
        target_dn: where the source node stands.
        owns: whether a partition of a kind is ours.
        backlog: where looks wait for their turn.
    """

    def __init__(
        self,
        view: StateView,
        redriver: Redrives,
        source_node: str,
        target_dn: DN,
        owns: Callable[[Kind, int], bool],
        backlog: Backlog,
    ) -> None:
        self._view = view
        self._redriver = redriver
        self._source_node = source_node
        self._target_dn = target_dn
        self._owns = owns
        self._backlog = backlog
        self._outside: dict[str, bool] = {}  # of organizations, as long as none of them changes
        view.listen(self._on_change)

    def look_at_everything(self) -> None:
        """Ask for a look after an assignment: what the former owner noticed may have been lost with it."""
        for kind in Kind:
            self._backlog.add(self._look_at_kind, kind)

    def _on_change(self, before: Seen | None, seen: Seen | None) -> None:
        either = seen or before
        if either is None or either.kind is not Kind.ORGANIZATION:
            return
        self._outside.clear()
        if _position(before) != _position(seen):
            self._backlog.add(self._look_below, either.id)

    def _look_at_kind(self, kind: Kind) -> Iterator[None]:
        return self._look_at(((kind, identifier) for identifier in self._view.ids(kind)), self._stands_elsewhere)

    def _look_below(self, organization_id: str) -> Iterator[None]:
        return self._look_at((seen.subject for seen in self._view.below(organization_id)), _has_several_homes)

    def _look_at(self, subjects: Iterable[Subject], may_move: Callable[[Seen], bool]) -> Iterator[None]:
        for subject in subjects:
            seen = self._view.get(subject)
            if seen is not None and self._owns(seen.kind, seen.partition):
                self._test(seen, may_move)
            yield

    def _test(self, seen: Seen, may_move: Callable[[Seen], bool]) -> None:
        if seen.is_deleted or not seen.parents or is_source_or_root(seen.id, self._source_node):
            return
        is_outside = all(self._is_outside(parent) for parent in seen.parents)
        # Held: its deletion waits for a person; back in scope, that is over.
        told_outside = seen.status in {Status.OUT_OF_SCOPE, Status.HELD}
        if is_outside != told_outside or may_move(seen):
            self._redrive(seen)

    def _stands_elsewhere(self, seen: Seen) -> bool:
        """Whether somebody with several homes stands below another than the first in scope, by the DNs last heard of.

        They may be old, and another organization have the name by now: good enough where not all can be asked.
        """
        if not _has_several_homes(seen) or seen.binding is None:
            return False
        placement = place_below(seen.parents, self._view.organization, self._source_node)
        if not isinstance(placement, Placed):
            return False
        home = self._target_dn
        if placement.parent_id is not None:
            organization = self._view.organization(placement.parent_id)
            if organization is None or organization.binding is None:
                return False
            home = DN.parse(organization.binding.dn)
        return not DN.parse(seen.binding.dn).parent.matches(home)

    def _redrive(self, seen: Seen) -> None:
        self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.RELEASE)

    def _is_outside(self, organization_id: str) -> bool:
        if organization_id not in self._outside:
            placement = walk(organization_id, self._view.organization, self._source_node)
            self._outside[organization_id] = isinstance(placement, Outside)
        return self._outside[organization_id]


def _has_several_homes(seen: Seen) -> bool:
    """Whether another of its organizations may be the first in scope when one of them moves."""
    return len(seen.parents) > 1 and seen.is_bound and seen.status is not Status.HELD


def _position(seen: Seen | None) -> tuple[tuple[str, ...], bool, bool] | None:
    """What those below it, at any depth, may have or lose a home by."""
    return None if seen is None else (seen.parents, seen.is_deleted, seen.is_bound)
