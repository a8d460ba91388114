"""What is known of one entity, gathered from everywhere, and its JSON."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

import orjson

from ldap_sink.inspecting import Inspection
from processors.placement import Outside, Placed, Placement, Unplaced
from schemas.dn import DN
from schemas.entries import Add, AttributeChange, Change, Delete, Modify, Move, Values, WantedEntry
from schemas.events import Kind, Record
from schemas.state_codec import encode_state
from schemas.states import State, Status
from streams.dead_letter_log import DeadLetter


@dataclass(frozen=True, slots=True)
class Step:
    """One organization on the way up.

    Attributes:
        name: None when no record of it is known.
        status: None when it is not known at all.
        is_deleted: the source has deleted it.
    """

    id: str
    name: str | None
    status: Status | None
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it.

    Attributes:
        state: as the state topic has it.
        record: what the entry is made of: the state's, or one that was given.
        placement: None when there is nothing to place.
        organizations: from the top, or from where the way up ends, down to the entity's own.
        wanted: None when there shall be no entry, or when `wanted_problem` says why it cannot be worked out.
        value_reasons: for each attribute where its values come from.
        wanted_dn: None while its place is not known.
        inspection: None when `directory_problem` says why the directory could not be asked.
        dead_letter: the newest one of this entity that was neither retried nor discarded.
        paused: a person has stopped all writing.
    """

    kind: Kind
    id: str
    state: State | None
    record: Record | None
    placement: Placement | None = None
    organizations: tuple[Step, ...] = ()
    wanted: WantedEntry | None = None
    wanted_problem: str | None = None
    value_reasons: Mapping[str, str] | None = None
    wanted_dn: DN | None = None
    inspection: Inspection | None = None
    directory_problem: str | None = None
    dead_letter: DeadLetter | None = None
    paused: bool = False


def document_of(explanation: Explanation, why: list[str]) -> dict[str, Any]:
    """The explanation as JSON."""
    state, inspection = explanation.state, explanation.inspection
    found = None if inspection is None else inspection.found
    return {
        "kind": explanation.kind.value,
        "id": explanation.id,
        "state": None if state is None else orjson.loads(encode_state(state)),
        "placement": _placement(explanation.placement),
        "organizations": [
            {"id": step.id, "name": step.name, "status": step.status, "deleted": step.is_deleted}
            for step in explanation.organizations
        ],
        "wanted": _wanted(explanation),
        "wantedProblem": explanation.wanted_problem,
        "entry": None
        if found is None or inspection is None
        else {
            "dn": str(found.dn),
            "entryUUID": found.entry_uuid,
            "foundBy": inspection.found_by,
            "holder": None if inspection.holder is None else inspection.holder[1],
            "attributes": {name: texts(values) for name, values in found.attributes.items()},
        },
        "difference": None if inspection is None else [_change(change) for change in inspection.changes],
        "directoryProblem": explanation.directory_problem,
        "deadLetter": None if explanation.dead_letter is None else _dead_letter(explanation.dead_letter),
        "paused": explanation.paused,
        "why": why,
    }


def texts(values: Values) -> list[str]:
    """Attribute values for people; what is no text is in Base64."""
    return [_text(value) for value in values]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()


def _placement(placement: Placement | None) -> dict[str, Any] | None:
    match placement:
        case None:
            return None
        case Placed(path):
            return {"result": "placed", "path": list(path)}
        case Unplaced(reason, organization_id):
            return {"result": "waiting", "reason": reason, "organization": organization_id}
        case Outside():
            return {"result": "outside"}
        case _:
            assert_never(placement)


def _wanted(explanation: Explanation) -> dict[str, Any] | None:
    wanted, reasons = explanation.wanted, explanation.value_reasons or {}
    if wanted is None:
        return None
    rows = [(name, values, False) for name, values in wanted.attributes.items()]
    rows += [(name, values, True) for name, values in wanted.on_create.items()]
    return {
        "dn": None if explanation.wanted_dn is None else str(explanation.wanted_dn),
        "rdn": str(wanted.rdn),
        "objectClasses": list(wanted.object_classes),
        "attributes": [
            {"attribute": name, "values": texts(values), "reason": reasons.get(name), "onCreate": on_create}
            for name, values, on_create in rows
        ],
    }


def _change(change: Change) -> dict[str, Any]:
    match change:
        case Add(dn, attributes):
            return {"change": "add", "dn": str(dn), "attributes": {n: texts(v) for n, v in attributes.items()}}
        case Modify(dn, changes):
            return {"change": "modify", "dn": str(dn), "attributes": [_attribute_change(one) for one in changes]}
        case Move(dn):
            return {"change": "move", "dn": str(dn), "newDn": str(change.new_dn)}
        case Delete(dn):
            return {"change": "delete", "dn": str(dn)}
        case _:
            assert_never(change)


def _attribute_change(change: AttributeChange) -> dict[str, Any]:
    return {"operation": change.operation.name.lower(), "attribute": change.name, "values": texts(change.values)}


def _dead_letter(letter: DeadLetter) -> dict[str, Any]:
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "time": letter.time,
    }
