"""What a state asks of the directory: the one decision that the worker carries out and a verification compares with."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from processors.placement import Outside, Placed, Tree, Unplaced, is_source_or_root, place
from schemas.events import Kind, Record
from schemas.states import State


@dataclass(frozen=True, slots=True)
class NeverWritten:
    """The source node's own or the root's: it is the target node, whatever its state says."""


class Cause(Enum):
    """Why there shall be no entry."""

    DELETED = auto()  # in the source
    OUTSIDE = auto()  # of the source node
    DISABLED = auto()  # and the configuration removes such accounts


@dataclass(frozen=True, slots=True)
class Absent:
    """There shall be no entry."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class Unknown:
    """No whole record ever came: nothing can be said of its entry."""


@dataclass(frozen=True, slots=True)
class Present:
    """There shall be an entry of this record; where it shall stand may not be known yet."""

    record: Record
    place: Placed | Unplaced


Intent: TypeAlias = NeverWritten | Absent | Unknown | Present


def intent_of(
    kind: Kind, identifier: str, state: State, tree: Tree, source_node: str, *, removes_disabled: bool
) -> Intent:
    """Say what a state asks for.

    Args:
        kind: the entity's.
        identifier: the entity's.
        state: its own.
        tree: the organizations.
        source_node: where the scope begins.
        removes_disabled: disabled accounts have no entry.
    """
    if kind is Kind.ORGANIZATION and is_source_or_root(identifier, source_node):
        return NeverWritten()
    if state.deleted_at is not None:
        return Absent(Cause.DELETED)
    record = state.record
    if record is None or not state.whole:
        return Unknown()
    placement = place(record, tree, source_node)
    if isinstance(placement, Outside):
        return Absent(Cause.OUTSIDE)
    if removes_disabled and not record.enabled:
        return Absent(Cause.DISABLED)
    return Present(record, placement)
