"""What a report keeps of the findings of a verification."""

import orjson
import pytest

from schemas.events import Kind
from schemas.jobs import Difference, EntryState, JobState, Trigger, Verification
from schemas.jobs_codec import encode_job
from streams.verification.findings import MAX_DIFFERENCES, Findings


def found(state: EntryState, identifier: str, dn: str = "uid=x,dc=example", kind: Kind = Kind.ACCOUNT) -> Difference:
    return Difference(state, kind, identifier, None, dn)


def stranger(number: int) -> Difference:
    entry_uuid = f"00000000-0000-4000-8000-{number:012}"
    return Difference(EntryState.UNMANAGED, Kind.ACCOUNT, None, entry_uuid, f"uid=s{number},dc=example")


def findings(kinds: list[Kind]) -> Findings:
    return Findings(iter(kinds))


def test_everything_is_counted_and_what_differs_is_told() -> None:
    made = findings([Kind.ACCOUNT, Kind.ACCOUNT, Kind.ORGANIZATION])
    made.note(0, EntryState.SAME, None)
    made.note(1, EntryState.CHANGED, found(EntryState.CHANGED, "a1"))
    made.note(2, EntryState.MISSING, found(EntryState.MISSING, "o1", kind=Kind.ORGANIZATION))
    made.note_stranger(stranger(1))
    report = made.report()
    assert {key: count for key, count in report.counts.items() if count} == {
        (Kind.ACCOUNT, EntryState.SAME): 1,
        (Kind.ACCOUNT, EntryState.CHANGED): 1,
        (Kind.ACCOUNT, EntryState.UNMANAGED): 1,
        (Kind.ORGANIZATION, EntryState.MISSING): 1,
    }
    assert [one.id for one in report.differences] == ["o1", None, "a1"]
    assert (report.omitted, report.has_drift) == (0, True)


def test_parents_come_before_children() -> None:
    made = findings([Kind.ORGANIZATION] * 2)
    for number, dn in enumerate(("ou=b,ou=a,dc=example", "ou=z,dc=example")):
        made.note(number, EntryState.CHANGED, found(EntryState.CHANGED, f"o{number}", dn, Kind.ORGANIZATION))
    assert [one.id for one in made.report().differences] == ["o1", "o0"]


def test_what_is_dropped_is_not_told() -> None:
    made = findings([Kind.ACCOUNT])
    made.note(0, EntryState.MISSING, found(EntryState.MISSING, "a1"))
    made.note_stranger(stranger(1))
    made.drop(0)
    made.drop_stranger(stranger(1).entry_uuid or "")
    report = made.report()
    assert (report.differences, report.omitted, any(report.counts.values())) == ((), 0, False)


def test_drift_is_kept_before_what_is_only_listed_and_the_rest_is_counted() -> None:
    """A tree full of strangers must not hide the one entry that is missing."""
    made = findings([Kind.ACCOUNT])
    for number in range(MAX_DIFFERENCES + 5):
        made.note_stranger(stranger(number))
    made.note(0, EntryState.MISSING, found(EntryState.MISSING, "a1"))
    report = made.report()
    assert "a1" in [one.id for one in report.differences]
    assert len(report.differences) + report.omitted == MAX_DIFFERENCES + 6


def test_copied_ids_are_known_also_where_a_report_has_no_room_for_them() -> None:
    """Nobody can correct them but a person: without them a run with much else to do would count as a success."""
    made = findings([Kind.ACCOUNT] * MAX_DIFFERENCES)
    for number in range(MAX_DIFFERENCES):
        made.note(number, EntryState.CHANGED, found(EntryState.CHANGED, f"a{number}", "uid=a,dc=example"))
    made.note_stranger(stranger(1))
    copied = "00000000-0000-4000-8000-000000000002"
    made.note_stranger(Difference(EntryState.UNMANAGED, Kind.ACCOUNT, None, copied, "uid=z,ou=x,dc=example"))
    made.change_stranger(copied, EntryState.DUPLICATE, "a1", "why")
    assert EntryState.DUPLICATE not in {one.state for one in made.report().differences}
    assert [(one.id, one.entry_uuid) for one in made.copies] == [("a1", copied)]


@pytest.mark.parametrize(("letter", "length"), [("王", 10), ("王", 900), ("\x01", 900), ('\\"', 450)])
def test_a_record_with_the_fullest_report_stays_far_below_a_megabyte(letter: str, length: int) -> None:
    """Also with letters that JSON writes with two or with six octets."""
    made = findings([Kind.ACCOUNT] * MAX_DIFFERENCES)
    for number in range(MAX_DIFFERENCES):
        dn = f"uid={letter * length}{number},dc=example"
        made.note(number, EntryState.CHANGED, found(EntryState.CHANGED, f"user_{number}", dn))
    report = made.report()
    job = Verification("v", Trigger.VERIFY, False, JobState.DONE, 1, report=report)
    encoded = encode_job(job)
    assert len(encoded) < 500_000
    assert len(orjson.loads(encoded)["report"]["differences"]) + report.omitted == MAX_DIFFERENCES
