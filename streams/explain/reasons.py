"""Why, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Final, assert_never

from ldap_sink.inspecting import Inspection
from processors.placement import is_source_or_root
from schemas.events import Kind
from schemas.states import (
    Awaited,
    AwaitsChildren,
    AwaitsEntity,
    AwaitsOrganization,
    AwaitsTime,
    State,
    Status,
)
from streams.explain.explanation import Explanation

PAUSED: Final = "writing is paused, events wait in Kafka: `ldapflow resume` goes on"
_WAITING: Final[Mapping[str, str]] = {
    "no_record": "only partial events of it came: without a whole record nothing can be created",
    "no_organization": "it belongs to no organization: it may be on its way from one to another",
    "organization_unknown": "no event of an organization above it has come yet",
    "organization_deleted": "an organization above it was deleted",
    "organization_waiting": "an organization above it has no entry yet",
    "organization_vanished": "the entry of its organization has vanished from the directory, and is made again",
    "organization_moving": "an organization above it is being moved",
    "parent_cycle": "organizations above it are each other's parents",
    "dn_occupied": "another entity has its DN or its entry",
    "foreign_entry": "an entry that is not ours has its DN",
    "foreign_children": "entries that are not ours stand below it, and it must be deleted",
    "children": "it must be deleted, but entries still stand below it",
    "ambiguous_identifier": "several entries have its identifier",
    "not_converging": "somebody else changes its entry again and again",
}
_STATUS: Final[Mapping[Status, str]] = {
    Status.APPLIED: "its last event was applied",
    Status.PENDING: "incremental provisioning is off: a verification will apply it",
    Status.OUT_OF_SCOPE: "it is outside the synchronized tree: it has no entry",
}


def why(explanation: Explanation, source_node: str, *, given: bool) -> list[str]:
    """The sentences, the most important first.

    Args:
        explanation: of one entity.
        source_node: the organization whose tree is synchronized.
        given: the record was given, and need not be the state's.
    """
    return list(_why(explanation, source_node, given))


def _why(explanation: Explanation, source_node: str, given: bool) -> Iterator[str]:  # noqa: FBT001 - passed on
    if explanation.kind is Kind.ORGANIZATION and is_source_or_root(explanation.id, source_node):
        yield "it is the source node or the root: the target entry stands for it, and is never written"
        return
    if explanation.paused:
        yield PAUSED
    state = explanation.state
    if given:
        yield "the entry is worked out from the given record, not from the state"
    if state is None:
        yield "no event of it was handled yet"
    elif not given:
        yield from _of_state(explanation, state)
    if explanation.wanted_problem is not None:
        yield f"no entry can be worked out: {explanation.wanted_problem}"
    yield from _of_directory(explanation)


def _of_state(explanation: Explanation, state: State) -> Iterator[str]:
    gone = " (the source has deleted it)" if state.deleted_at is not None else ""
    letter = explanation.dead_letter
    match state.status:
        case Status.WAITING:
            reason = state.reason or ""
            awaited = _awaited(state.awaited)
            yield f"it waits: {_WAITING.get(reason, reason)}" + (f"; {awaited}" if awaited else "") + gone
        case Status.HELD:
            yield (
                f"its removal waits for a person: `ldapflow guard approve {explanation.id}`, or discard;"
                " `ldapflow guard status` says why"
            )
        case Status.DEAD_LETTERED:
            detail = "" if letter is None else f" ({letter.detail}): dead letter {letter.place}"
            yield f"its last event could not be applied: {state.reason}{detail}"
        case Status.APPLIED | Status.PENDING | Status.OUT_OF_SCOPE:
            yield _STATUS[state.status] + (f" ({state.reason})" if state.reason else "") + gone
        case _:
            assert_never(state.status)
    if letter is not None and state.status is not Status.DEAD_LETTERED:
        yield f"an event of it is a dead letter: {letter.reason} ({letter.detail}), {letter.place}"
    if state.locked:
        yield "its entry is locked, because the account is disabled"


def _of_directory(explanation: Explanation) -> Iterator[str]:
    inspection = explanation.inspection
    if explanation.directory_problem is not None:
        yield f"the directory could not be asked: {explanation.directory_problem}"
    elif inspection is not None and inspection.ambiguous:
        yield f"several entries are found by {inspection.found_by}: none of them is taken"
    elif inspection is not None and inspection.holder is not None:
        kind, identifier = inspection.holder
        yield f"the entry there belongs to {kind.value} {identifier}: it is not taken"
    elif inspection is not None and inspection.foreign:
        yield "the entry there is not ours: it lacks configured object classes, or has another identifier"
    elif inspection is not None and explanation.wanted_problem is None:
        yield from _of_difference(explanation, inspection)


def _of_difference(explanation: Explanation, inspection: Inspection) -> Iterator[str]:
    if inspection.occupied is not None:
        awaited = inspection.occupied.awaited
        other = " ".join(awaited.subject(explanation.kind)) if isinstance(awaited, AwaitsEntity) else "nobody"
        yield f"the entry of {other} has the wanted DN"
    applied = explanation.state is not None and explanation.state.status is Status.APPLIED
    if inspection.changes and applied:
        yield "the directory differs: the next event of it, or a verification, writes the difference"
    elif inspection.changes:
        yield "the directory differs, as shown"
    elif inspection.found is not None and inspection.occupied is None:
        yield "the entry is as it should be"
    elif inspection.found is None and explanation.wanted is None:
        yield "it has no entry, as it should be"


def _awaited(awaited: Awaited | None) -> str:
    match awaited:
        case None:
            return ""
        case AwaitsOrganization(identifier):
            return f"waits for organization {identifier}"
        case AwaitsEntity(identifier, kind):
            return f"waits for {identifier}" if kind is None else f"waits for {kind.value} {identifier}"
        case AwaitsChildren():
            return "waits until they are gone"
        case AwaitsTime():
            return "is tried again now and then"
        case _:
            assert_never(awaited)
