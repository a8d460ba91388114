"""State and event to the next state, or *stale* (design section 4, "Versions").

Two clocks are never mixed: `record_time` is the updateTime of whole records, `event_time` that of events. A password
goes its own way: the one of the newest event counts, whatever became of the record that it came with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from schemas.events import (
    NEVER,
    Deletion,
    Event,
    Json,
    Kind,
    Membership,
    MembershipChange,
    PasswordSet,
    Record,
    WholeRecord,
)
from schemas.states import PasswordNote, State, Status


@dataclass(frozen=True, slots=True)
class Folded:
    """The event counts: apply the state."""

    state: State


@dataclass(frozen=True, slots=True)
class Stale:
    """The event comes too late; all that it may change is in `state` (push id, received time)."""

    state: State


Folding: TypeAlias = Folded | Stale


def fold(state: State | None, event: Event, password: PasswordNote | None = None) -> Folding:
    """Take one event of the entity into its state.

    The status and what belongs to it are left as they are: applying decides them. Events that do not speak of the
    entity's content (marks of a push, redrives, connectivity tests) are not for this function.

    Args:
        state: None when nothing is known of the entity.
        event: the event.
        password: where the password lies that came with the event; None when it is not wanted, or none came.

    Raises:
        TypeError: for such an event.
    """
    known = state if state is not None else _nothing(event)
    known = replace(
        known,
        received_time=max(known.received_time, event.received_time),
        push_id=event.push_id if event.push_id is not None else known.push_id,
    )
    is_named_again = state is not None and state.is_swept and event.push_id not in {None, state.push_id}
    folding = _fold(known, event, is_named_again=is_named_again)
    return folding if password is None else _with_password(folding, event, password)


def _fold(known: State, event: Event, *, is_named_again: bool) -> Folding:
    match event.payload:
        case WholeRecord(record, revives):
            return _fold_record(known, event, record, revives=revives, is_named_again=is_named_again)
        case Deletion():
            return _fold_deletion(known, event)
        case MembershipChange() as change:
            return _fold_membership(known, event, change)
        case PasswordSet():
            return _fold_password(known, event)
        case _:
            raise TypeError(event.type)


def _nothing(event: Event) -> State:
    return State(
        record=None,
        record_time=NEVER,
        event_time=NEVER,
        received_time=event.received_time,
        status=Status.WAITING,
        status_time=0,
        writer=(0, 0),
    )


def _fold_record(state: State, event: Event, record: Record, *, revives: bool, is_named_again: bool) -> Folding:
    update_time = record.update_time
    # What was seen before the deletion is not newer, even if the source's clock ran ahead of that of the events.
    record_time = max(state.record_time, update_time or 0)
    if state.deleted_at is not None:
        newer = update_time is not None and update_time > max(state.deleted_at, state.record_time)
        # No event deleted it, a push only did not name it: where another push does, the same record is not too old.
        newer = newer or (is_named_again and (update_time is None or update_time >= state.record_time))
        if not (newer or (revives and event.time > state.deleted_at)):
            return Stale(state)
        return Folded(
            replace(
                state,
                record=record,
                record_time=record_time,
                event_time=event.time,
                membership_time=None,
                deleted_at=None,
            )
        )
    if _is_older(state, update_time, event.time):
        return Stale(state)
    precedes = state.membership_time is not None and event.time < state.membership_time
    keeps_memberships = record.kind is Kind.ACCOUNT and (precedes or record.memberships is None)
    if keeps_memberships and state.record is not None and state.record.memberships is not None:
        primary_id = state.record.primary_id
        if not precedes:
            primary_id = record.primary_id or primary_id
        record = _with_memberships(record, state.record.memberships, primary_id, _units(state.record, record))
    return Folded(
        replace(
            state,
            record=record,
            record_time=record_time,
            event_time=max(state.event_time, event.time),
            membership_time=state.membership_time if keeps_memberships else None,
        )
    )


def _is_older(state: State, update_time: int | None, event_time: int) -> bool:
    if not state.whole:
        return False
    if update_time is not None and update_time != state.record_time:
        if update_time < state.record_time:
            return True
        if state.record is not None and state.record.update_time is not None:
            return False
    return event_time < state.event_time


def _fold_deletion(state: State, event: Event) -> Folding:
    if event.time < state.event_time:
        return Stale(state)
    return Folded(replace(state, event_time=event.time, deleted_at=event.time))


def _fold_membership(state: State, event: Event, change: MembershipChange) -> Folding:
    if state.deleted_at is not None or event.time < state.event_time:
        return Stale(state)
    record = state.record or Record(kind=Kind.ACCOUNT, id=event.subject, fields={"userId": event.subject})
    record = _joined(record, change) if change.added else _left(record, change.organization_id)
    return Folded(replace(state, record=record, event_time=event.time, membership_time=event.time))


def _joined(record: Record, change: MembershipChange) -> Record:
    """Who is a member already keeps its place, and stays primary unless the event says otherwise."""
    memberships, primary_id = record.memberships or (), record.primary_id
    if change.primary:
        memberships = tuple(replace(membership, primary=False) for membership in memberships)
        primary_id = change.organization_id
    elif change.primary is False and primary_id == change.organization_id:
        primary_id = None
    flags = {membership.organization_id: membership.primary for membership in memberships}
    if change.primary is not None or change.organization_id not in flags:
        flags[change.organization_id] = bool(change.primary)
    return _with_memberships(record, tuple(Membership(*item) for item in flags.items()), primary_id, _units(record))


def _left(record: Record, organization_id: str) -> Record:
    remaining = tuple(m for m in record.memberships or () if m.organization_id != organization_id)
    primary_id = record.primary_id if record.primary_id != organization_id else None
    return _with_memberships(record, remaining, primary_id, _units(record))


def _fold_password(state: State, event: Event) -> Folding:
    if state.deleted_at is not None or event.time < state.event_time:
        return Stale(state)
    return Folded(replace(state, event_time=event.time))


def _with_password(folding: Folding, event: Event, password: PasswordNote) -> Folding:
    """Note the password of an event, if it is the newest one and the entity is there.

    The same message changes nothing, so that it is written to the directory once.
    """
    state = folding.state
    known = state.password
    if state.deleted_at is not None or password.is_same(known):
        return folding
    if known is not None and password.time < known.time:
        return Stale(state) if isinstance(event.payload, PasswordSet) else folding
    return Folded(replace(state, password=password))


def _with_memberships(
    record: Record, memberships: tuple[Membership, ...], primary_id: str | None, units: Mapping[str, Mapping[str, Json]]
) -> Record:
    """Replace the memberships, and write into the fields what would be read as them.

    `units` is what is known of the organizations: names and unknown fields.
    """
    fields = dict(record.fields)
    fields["organizationalUnits"] = [
        {**units.get(m.organization_id, {}), "organizationalUnitId": m.organization_id, "primary": m.primary}
        for m in memberships
    ]
    fields.pop("primaryOrganizationalUnitId", None)
    if primary_id is not None:
        fields["primaryOrganizationalUnitId"] = primary_id
    return replace(record, fields=fields, memberships=memberships, primary_id=primary_id)


def _units(*records: Record) -> dict[str, Mapping[str, Json]]:
    """The memberships as they came, by organization; those of a later record count."""
    found: dict[str, Mapping[str, Json]] = {}
    for record in records:
        units = record.fields.get("organizationalUnits")
        for unit in units if isinstance(units, list) else []:
            if isinstance(unit, dict):
                found[str(unit["organizationalUnitId"])] = unit
    return found
