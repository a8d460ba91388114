"""The organization tree of a snapshot, as placement walks it."""

from dataclasses import dataclass
from typing import Final

from processors.placement import homes
from schemas.events import Kind
from schemas.states import State, Status
from streams.verification.snapshot import Snapshot

# Of an organization without an entry: its correction will make one.
_MAKEABLE: Final = frozenset({Status.APPLIED, Status.PENDING, Status.OUT_OF_SCOPE})


@dataclass(frozen=True, slots=True)
class Organization:
    """One node of the tree.

    Attributes:
        number: of its state.
        is_bound: it has an entry, or will have one when it is corrected.
        name: as the source calls it.
    """

    number: int
    parent_id: str | None
    is_deleted: bool
    is_bound: bool
    name: str | None


def read_organizations(snapshot: Snapshot) -> dict[str, Organization]:
    """All organizations of a snapshot, by id."""
    tree: dict[str, Organization] = {}
    for number in snapshot.numbers(Kind.ORGANIZATION):
        stored = snapshot.get(number)
        if stored is not None:
            tree[stored.id] = _node(number, stored.state, is_bound=snapshot.binding(stored.state) is not None)
    return tree


def _node(number: int, state: State, *, is_bound: bool) -> Organization:
    record = state.record
    parents = () if record is None else homes(record)
    return Organization(
        number=number,
        parent_id=parents[0] if parents else None,
        is_deleted=state.deleted_at is not None,
        is_bound=is_bound or (state.whole and state.status in _MAKEABLE),
        name=None if record is None else record.name,
    )
