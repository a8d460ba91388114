"""Decisions to and from the JSON of the control topic.

One message for one decision; its key is the command id, a random one (`uuid4`, 32 hex digits), so that compaction keeps
every decision; of the last two only the last one of each counts, and their keys are the names of their commands. The
value is one of

    {"command": "approve", "kind": "account" | "organization" | null, "ids": ["…", …] | null, "before": 1700000000000}
    {"command": "discard", "kind": …, "ids": …, "before": …}
    {"command": "pause"}
    {"command": "resume"}
    {"command": "dead_letter_retried", "partition": 0, "offset": 17}
    {"command": "dead_letter_discarded", "partition": 0, "offset": 17}
    {"command": "push", "id": "…"}
    {"command": "topic_ids", "ids": {"idaas.accounts": "…", …}}
    {"command": "resync_needed", "reason": "…"}

Other programs' and newer versions' messages lie on the same topic: who reads passes over what it does not know.
"""

from typing import Any, Final, assert_never

import orjson

from schemas.control import (
    Approval,
    DeadLetterHandled,
    Decision,
    Discard,
    Pause,
    PushRequest,
    Resume,
    ResyncNeeded,
    TopicIds,
)
from schemas.events import Kind

_RETRIED: Final = "dead_letter_retried"
_DISCARDED: Final = "dead_letter_discarded"
_TOPIC_IDS: Final = "topic_ids"
_RESYNC_NEEDED: Final = "resync_needed"


def encode_decision(decision: Decision) -> bytes:
    """Write a decision down."""
    return orjson.dumps(_document(decision))


def decode_decision(value: bytes | None) -> Decision | None:
    """Read what lies on the control topic; None when it is no decision that this version knows.

    Raises:
        ValueError: it is one, but not of the form above.
    """
    try:
        document = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
    return _decision(document) if isinstance(document, dict) else None


def _decision(document: dict[str, Any]) -> Decision | None:
    match document.get("command"):
        case "approve":
            return Approval(*_scope(document))
        case "discard":
            return Discard(*_scope(document))
        case "pause":
            return Pause()
        case "resume":
            return Resume()
        case "dead_letter_retried" | "dead_letter_discarded" as command:
            partition, offset = _integer(document, "partition"), _integer(document, "offset")
            return DeadLetterHandled(partition, offset, retried=command == _RETRIED)
        case "push":
            return PushRequest(_text(document, "id"))
        case "topic_ids":
            return TopicIds(_ids(document))
        case "resync_needed":
            return ResyncNeeded(_text(document, "reason"))
        case _:
            return None


def _document(decision: Decision) -> dict[str, Any]:
    match decision:
        case Approval(kind, ids, before):
            return {"command": "approve", "kind": kind, "ids": _listed(ids), "before": before}
        case Discard(kind, ids, before):
            return {"command": "discard", "kind": kind, "ids": _listed(ids), "before": before}
        case Pause():
            return {"command": "pause"}
        case Resume():
            return {"command": "resume"}
        case DeadLetterHandled(partition, offset, retried):
            return {"command": _RETRIED if retried else _DISCARDED, "partition": partition, "offset": offset}
        case PushRequest(identifier):
            return {"command": "push", "id": identifier}
        case TopicIds(ids):
            return {"command": _TOPIC_IDS, "ids": dict(ids)}
        case ResyncNeeded(reason):
            return {"command": _RESYNC_NEEDED, "reason": reason}
        case _:
            assert_never(decision)


def _scope(document: dict[str, Any]) -> tuple[Kind | None, frozenset[str] | None, int]:
    # What is missing is not "all of them": that would approve more than somebody meant.
    if "kind" not in document or "ids" not in document:
        raise ValueError("a decision about deletions names kind and ids")
    kind, ids = document["kind"], document["ids"]
    if ids is not None and not (isinstance(ids, list) and all(isinstance(item, str) for item in ids)):
        raise ValueError("ids is not a list of ids")
    return None if kind is None else Kind(kind), None if ids is None else frozenset(ids), _integer(document, "before")


def _listed(ids: frozenset[str] | None) -> list[str] | None:
    return None if ids is None else sorted(ids)


def _integer(document: dict[str, Any], name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{name} is not a whole number")  # noqa: TRY004 - one kind of failure for one kind of fault
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is not text")  # noqa: TRY004 - as above
    return value


def _ids(document: dict[str, Any]) -> dict[str, str]:
    ids = document.get("ids")
    if not isinstance(ids, dict) or not all(isinstance(value, str) for value in ids.values()):
        raise ValueError("ids is not an object of ids")
    return ids
