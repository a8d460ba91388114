"""Notices who enters or leaves the scope because an organization above was moved (design section 4, "Placement").

An entity's own events say nothing of it, so each owner redrives what lies below a moved organization.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from processors.placement import Outside, Placed, is_source_or_root, place_below, walk
from schemas.dn import DN
from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.worker.redriving import Redrives
from streams.worker.state_view import Seen, StateView

_TURN: Final = 2000  # entities looked at in one turn of the event loop


class ScopeWatch:
    """Redrives entities of our partitions whose scope is not what their status says.

    Args:
        target_dn: where the source node stands.
        owns: whether a partition of a kind is ours.
    """

    def __init__(
        self,
        view: StateView,
        redriver: Redrives,
        source_node: str,
        target_dn: DN,
        owns: Callable[[Kind, int], bool],
    ) -> None:
        self._view = view
        self._redriver = redriver
        self._source_node = source_node
        self._target_dn = target_dn
        self._owns = owns
        view.listen(self._on_change)

    async def look_at_everything(self) -> None:
        """After an assignment: what the former owner noticed may have been lost with it."""
        outside: dict[str, bool] = {}
        for kind, entities in self._view.entities.items():
            for number, seen in enumerate(list(entities.values())):
                if number % _TURN == _TURN - 1:
                    outside.clear()  # what was learnt before others had their turn may be wrong by now
                    await asyncio.sleep(0)
                if self._owns(kind, seen.partition):
                    self._test(seen, outside)

    def _on_change(self, before: Seen | None, seen: Seen | None) -> None:
        either = seen or before
        if either is None or either.kind is not Kind.ORGANIZATION:
            return
        if _position(before) != _position(seen):
            concerned = list(self._below(either.id))
        elif (before is not None and before.is_bound) != (seen is not None and seen.is_bound):
            concerned = [member for subject in self._view.members(either.id) if (member := self._view.get(subject))]
        else:
            return
        outside: dict[str, bool] = {}
        for member in concerned:
            if self._owns(member.kind, member.partition):
                self._test(member, outside)

    def _below(self, organization_id: str) -> Iterator[Seen]:
        """Everybody below an organization, each once, whatever circles there are."""
        visited, todo = {organization_id}, [organization_id]
        while todo:
            for subject in self._view.members(todo.pop()):
                seen = self._view.get(subject)
                if seen is None:
                    continue
                yield seen
                if seen.kind is Kind.ORGANIZATION and seen.id not in visited:
                    visited.add(seen.id)
                    todo.append(seen.id)

    def _test(self, seen: Seen, outside: dict[str, bool]) -> None:
        if seen.is_deleted or not seen.parents or is_source_or_root(seen.id, self._source_node):
            return
        is_outside = all(self._is_outside(parent, outside) for parent in seen.parents)
        # Held: its deletion waits for a person; back in scope, that is over.
        told_outside = seen.status in {Status.OUT_OF_SCOPE, Status.HELD}
        if is_outside != told_outside or self._has_better_home(seen):
            self._redrive(seen)

    def _has_better_home(self, seen: Seen) -> bool:
        """Whether somebody with several organizations stands below another than the first in scope, as far as known."""
        if len(seen.parents) < 2 or not seen.is_bound or seen.binding is None or seen.status is Status.HELD:  # noqa: PLR2004
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

    def _is_outside(self, organization_id: str, known: dict[str, bool]) -> bool:
        if organization_id not in known:
            placement = walk(organization_id, self._view.organization, self._source_node)
            known[organization_id] = isinstance(placement, Outside)
        return known[organization_id]


def _position(seen: Seen | None) -> tuple[tuple[str, ...], bool] | None:
    return None if seen is None else (seen.parents, seen.is_deleted)
