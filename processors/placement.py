"""Where in the organization tree a record belongs (design section 4, "Placement")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from schemas.events import ROOT_ORGANIZATION, Kind, Record


class OrganizationNode(Protocol):
    """What placement must know of an organization."""

    @property
    def parent_id(self) -> str | None:
        """The parent's id; None at the top."""

    @property
    def is_deleted(self) -> bool:
        """The source has deleted it."""

    @property
    def is_bound(self) -> bool:
        """It has an entry in the directory."""


class NamedNode(Protocol):
    """What the path of an organization is written with."""

    @property
    def name(self) -> str | None:
        """How the source calls it; None without a name."""


Tree: TypeAlias = Callable[[str], OrganizationNode | None]


@dataclass(frozen=True, slots=True)
class Placed:
    """In scope, below `path`: ids from just below the source node down to the organization itself.

    An empty path is the target node.
    """

    path: tuple[str, ...]

    @property
    def parent_id(self) -> str | None:
        """The organization whose entry is the parent; None for the target node."""
        return self.path[-1] if self.path else None


@dataclass(frozen=True, slots=True)
class Unplaced:
    """Waiting; `organization_id` is what it waits for, None when only an event of its own can help."""

    reason: str
    organization_id: str | None


@dataclass(frozen=True, slots=True)
class Outside:
    """Known, and not below the source node."""


Placement: TypeAlias = Placed | Unplaced | Outside


def is_source_or_root(record_id: str, source_node: str) -> bool:
    """Tell whether the record is the source node's own or the root's: such a one is never written."""
    return record_id in {source_node, ROOT_ORGANIZATION}


def place(record: Record, tree: Tree, source_node: str) -> Placement:
    """Find the place of an organization or an account."""
    if record.kind is Kind.ORGANIZATION:
        return place_organization(record, tree, source_node)
    return place_account(record, tree, source_node)


def homes(record: Record) -> tuple[str, ...]:
    """The organizations below which a record may be placed, in the order in which they are tried.

    An organization's parent; an account's primary organization, then its others. None for an organization at the top.
    """
    if record.kind is Kind.ORGANIZATION:
        return () if record.parent_id in {None, record.id} else (record.parent_id or "",)
    memberships = record.memberships or ()
    primary = record.primary_id or next((m.organization_id for m in memberships if m.primary), None)
    ids = [membership.organization_id for membership in memberships]
    return tuple(dict.fromkeys(ids if primary is None else [primary, *ids]))


def place_organization(record: Record, tree: Tree, source_node: str) -> Placement:
    """Find the place of an organization: below its parent."""
    return place_below(homes(record), tree, source_node, own_id=record.id)


def place_account(record: Record, tree: Tree, source_node: str) -> Placement:
    """Find the place of an account: its primary organization, else the first one in scope."""
    candidates = homes(record)
    return place_below(candidates, tree, source_node) if candidates else Unplaced("no_organization", None)


def place_below(candidates: Sequence[str], tree: Tree, source_node: str, own_id: str | None = None) -> Placement:
    """Find the first organization in scope; the first of all, if that is not outside, comes before the others.

    Args:
        candidates: as `homes` gives them.
        tree: the organizations.
        source_node: where the scope begins.
        own_id: of the organization that is placed: to find it above itself is a circle.
    """
    seen = frozenset() if own_id is None else frozenset({own_id})
    first, *others = [walk(candidate, tree, source_node, seen) for candidate in candidates] or [Outside()]
    if not isinstance(first, Outside):
        return first
    for wanted in (Placed, Unplaced):
        for other in others:
            if isinstance(other, wanted):
                return other
    return Outside()


def walk(organization_id: str, tree: Tree, source_node: str, seen: frozenset[str] = frozenset()) -> Placement:
    """Go up from an organization to the source node.

    The first obstacle met is what has to be waited for; but whoever is known to be outside, or in a circle, is told so.
    """
    path: list[str] = []
    obstacle: Unplaced | None = None
    visited = set(seen)
    current: str | None = organization_id
    while current != source_node:
        if current is None or current == ROOT_ORGANIZATION:
            return Outside()
        if current in visited:
            return Unplaced("parent_cycle", current)
        visited.add(current)
        node = tree(current)
        if node is None or node.is_deleted:
            reason = "organization_unknown" if node is None else "organization_deleted"
            return obstacle or Unplaced(reason, current)
        if not node.is_bound and obstacle is None:
            obstacle = Unplaced("organization_waiting", current)
        path.append(current)
        current = None if node.parent_id == current else node.parent_id
    return obstacle or Placed(tuple(reversed(path)))


def names_along(path: Sequence[str], organization: Callable[[str], NamedNode | None]) -> tuple[str | None, ...]:
    """Name the organizations of a path: what `EntryRules.wanted` takes as `path_names`."""
    nodes = map(organization, path)
    return tuple(None if node is None else node.name for node in nodes)
