"""Jobs to and from the JSON of the jobs topic.

One message for one job, whose key is the job's id; a later message of the same key replaces the earlier one. The value
is one of

    {"job": "push", "id": "push-…", "organizations": 14, "accounts": 325, "began": 1700000000000 | null,
     "ended": … | null, "inputEnds": {"idaas.accounts": {"0": 40, …}, …}}
    {"job": "verification", "id": "…", "trigger": "schedule" | "verify" | "push", "dryRun": false,
     "rebind": false,
     "state": "running" | "done" | "unfinished" | "stopped" | "failed", "started": 1700000000000, "ended": … | null,
     "request": "…" | null, "detail": "…" | null, "swept": "push-…" | null, "report": <report> | null,
     "corrections": {"account": {"created": 3, …}, …}, "failures": [{"kind": "account", "id": "…", "reason": "…"}, …]}

where a report is

    {"counts": {"account": {"same": 320, …}, …}, "omitted": 0, "differences": [{"state": "changed", "kind": "account",
     "id": "…" | null, "entryUUID": "…" | null, "dn": "…" | null, "wantedDn": "…" | null, "attributes": ["mail", …],
     "reason": "…" | null}, …]}

`schemas.jobs` says what each of them means. Times are in milliseconds. A count that is zero may be missing. Other
programs' and newer versions' messages may lie on the same topic: who reads passes over what it does not know.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar, assert_never

import orjson

from schemas.events import Kind
from schemas.jobs import (
    Action,
    Difference,
    DriftReport,
    EntryState,
    FailedCorrection,
    FullPush,
    Job,
    JobState,
    Trigger,
    Verification,
)

_Counted = TypeVar("_Counted", bound=StrEnum)


def encode_job(job: Job) -> bytes:
    """Write a job down."""
    match job:
        case FullPush():
            return orjson.dumps(_push_json(job))
        case Verification():
            return orjson.dumps(_verification_json(job))
        case _:
            assert_never(job)


def decode_job(value: bytes | None) -> Job | None:
    """Read what lies on the jobs topic; None when it is no job that this version knows.

    Raises:
        ValueError: it is one, but not of the form above.
    """
    try:
        document = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    try:
        match document.get("job"):
            case "push":
                return _push(document)
            case "verification":
                return _verification(document)
            case _:
                return None
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"a job without a proper {exc}") from exc


def report_json(report: DriftReport) -> dict[str, Any]:
    """A drift report as it stands in a job."""
    return {
        "counts": _counts_json(report.counts),
        "omitted": report.omitted,
        "differences": [_difference_json(difference) for difference in report.differences],
    }


def _push_json(push: FullPush) -> dict[str, Any]:
    ends: dict[str, dict[str, int]] = {}
    for (topic, partition), end in sorted(push.input_ends.items()):
        ends.setdefault(topic, {})[str(partition)] = end
    return {
        "job": "push",
        "id": push.id,
        "organizations": push.organizations,
        "accounts": push.accounts,
        "began": push.began,
        "ended": push.ended,
        "inputEnds": ends,
    }


def _push(document: dict[str, Any]) -> FullPush:
    return FullPush(
        id=document["id"],
        organizations=document["organizations"],
        accounts=document["accounts"],
        began=document["began"],
        ended=document["ended"],
        input_ends={
            (topic, int(partition)): end
            for topic, ends in document["inputEnds"].items()
            for partition, end in ends.items()
        },
    )


def _verification_json(job: Verification) -> dict[str, Any]:
    return {
        "job": "verification",
        "id": job.id,
        "trigger": job.trigger,
        "dryRun": job.dry_run,
        "rebind": job.rebind,
        "state": job.state,
        "started": job.started,
        "ended": job.ended,
        "request": job.request,
        "detail": job.detail,
        "swept": job.swept,
        "report": None if job.report is None else report_json(job.report),
        "corrections": _counts_json(job.corrections),
        "failures": [{"kind": one.kind, "id": one.id, "reason": one.reason} for one in job.failures],
    }


def _verification(document: dict[str, Any]) -> Verification:
    report = document["report"]
    return Verification(
        id=document["id"],
        trigger=Trigger(document["trigger"]),
        dry_run=document["dryRun"],
        state=JobState(document["state"]),
        started=document["started"],
        rebind=document.get("rebind", False),  # records of earlier versions lack it
        ended=document["ended"],
        request=document["request"],
        detail=document["detail"],
        swept=document["swept"],
        report=None if report is None else _report(report),
        corrections=_counts(document["corrections"], Action),
        failures=tuple(FailedCorrection(Kind(one["kind"]), one["id"], one["reason"]) for one in document["failures"]),
    )


def _report(document: dict[str, Any]) -> DriftReport:
    return DriftReport(
        counts=_counts(document["counts"], EntryState),
        differences=_differences(document["differences"]),
        omitted=document["omitted"],
    )


def _difference_json(difference: Difference) -> dict[str, Any]:
    return {
        "state": difference.state,
        "kind": difference.kind,
        "id": difference.id,
        "entryUUID": difference.entry_uuid,
        "dn": difference.dn,
        "wantedDn": difference.wanted_dn,
        "attributes": list(difference.attributes),
        "reason": difference.reason,
    }


def _differences(documents: Iterable[dict[str, Any]]) -> tuple[Difference, ...]:
    return tuple(
        Difference(
            state=EntryState(document["state"]),
            kind=Kind(document["kind"]),
            id=document["id"],
            entry_uuid=document["entryUUID"],
            dn=document["dn"],
            wanted_dn=document["wantedDn"],
            attributes=tuple(document["attributes"]),
            reason=document["reason"],
        )
        for document in documents
    )


def _counts_json(counts: Mapping[tuple[Kind, _Counted], int]) -> dict[str, dict[str, int]]:
    document: dict[str, dict[str, int]] = {}
    for (kind, counted), count in counts.items():
        document.setdefault(kind.value, {})[counted.value] = count
    return document


def _counts(document: dict[str, dict[str, int]], of: type[_Counted]) -> dict[tuple[Kind, _Counted], int]:
    return {(Kind(kind), of(counted)): count for kind, counts in document.items() for counted, count in counts.items()}
