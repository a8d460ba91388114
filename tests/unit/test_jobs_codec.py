"""Jobs on the jobs topic: what is written is what is read, and faults are told apart from other people's messages."""

from dataclasses import replace
from typing import Final

import orjson
import pytest

from schemas.events import Kind
from schemas.jobs import (
    Action,
    Difference,
    DriftReport,
    EntryState,
    FailedCorrection,
    FullPush,
    JobState,
    Trigger,
    Verification,
)
from schemas.jobs_codec import decode_job, encode_job

_PUSH: Final = FullPush("push-1", 2, 3, began=1000, ended=2000, input_ends={("a", 0): 7, ("a", 10): 8, ("b", 0): 9})
_VERIFICATION: Final = Verification(
    id="job-1",
    trigger=Trigger.PUSH,
    dry_run=False,
    state=JobState.UNFINISHED,
    started=1000,
    rebind=True,
    ended=2000,
    request="command-1",
    detail="no worker moves",
    swept="push-1",
    report=DriftReport(
        counts={(Kind.ACCOUNT, EntryState.SAME): 5, (Kind.ORGANIZATION, EntryState.MISSING): 1},
        differences=(
            Difference(EntryState.CHANGED, Kind.ACCOUNT, "a1", "uuid", "uid=a", "uid=b", ("mail", "cn"), "why"),
            Difference(EntryState.UNMANAGED, Kind.ORGANIZATION, dn="ou=x"),
        ),
        omitted=3,
    ),
    corrections={(Kind.ACCOUNT, Action.CREATED): 4, (Kind.ORGANIZATION, Action.FAILED): 1},
    failures=(FailedCorrection(Kind.ORGANIZATION, "ou_1", "refused_by_directory"),),
)


@pytest.mark.parametrize("job", [_PUSH, FullPush("push-2", 0, 0, began=None), _VERIFICATION], ids=lambda job: job.id)
def test_a_job_is_read_as_it_was_written(job: FullPush | Verification) -> None:
    """Nothing is lost on the way through JSON."""
    assert decode_job(encode_job(job)) == job


def test_the_form_of_a_push_is_the_documented_one() -> None:
    """Others read these names."""
    assert orjson.loads(encode_job(_PUSH)) == {
        "job": "push",
        "id": "push-1",
        "organizations": 2,
        "accounts": 3,
        "began": 1000,
        "ended": 2000,
        "inputEnds": {"a": {"0": 7, "10": 8}, "b": {"0": 9}},
    }


def test_a_verification_of_an_earlier_version_was_no_rebinding() -> None:
    """Its record does not say."""
    document = orjson.loads(encode_job(_VERIFICATION))
    del document["rebind"]
    assert decode_job(orjson.dumps(document)) == replace(_VERIFICATION, rebind=False)


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"[]", b'"push"', b"{}", b'{"job": "defragmentation"}'])
def test_what_is_no_job_is_passed_over(value: bytes | None) -> None:
    """The topic may hold other things."""
    assert decode_job(value) is None


@pytest.mark.parametrize("missing", ["id", "organizations", "inputEnds"])
def test_a_job_that_lacks_something_is_a_fault(missing: str) -> None:
    """A push without its numbers must not count as one of nothing."""
    document = orjson.loads(encode_job(_PUSH))
    del document[missing]
    with pytest.raises(ValueError, match=missing):
        decode_job(orjson.dumps(document))


@pytest.mark.parametrize("ends", [None, 5, {"a": 7}])
def test_a_job_of_another_form_is_a_fault(ends: object) -> None:
    """It is told as every other fault of the form."""
    with pytest.raises(ValueError, match="job"):
        decode_job(orjson.dumps({**orjson.loads(encode_job(_PUSH)), "inputEnds": ends}))
