"""The drift report for people: what must be corrected first, and not too much of it."""

from dataclasses import replace
from typing import Final

import pytest

from schemas.events import Kind
from schemas.jobs import (
    DELETED_AT_SOURCE,
    Action,
    Difference,
    DriftReport,
    EntryState,
    FailedCorrection,
    JobState,
    Trigger,
    Verification,
)
from streams.cli.drift import echo_verification

VERIFICATION: Final = Verification("v", Trigger.VERIFY, dry_run=False, state=JobState.DONE, started=1)
MISSING: Final = Difference(EntryState.MISSING, Kind.ACCOUNT, "a1", wanted_dn="uid=mei,ou=x")


def shown(capsys: pytest.CaptureFixture[str], job: Verification) -> list[str]:
    """The lines, each with single spaces between its words."""
    echo_verification(job)
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def found(*differences: Difference, omitted: int = 0) -> Verification:
    """A verification whose report has these differences, and one account that is as it should be."""
    counts = {(Kind.ACCOUNT, EntryState.SAME): 1}
    for difference in differences:
        key = (difference.kind, difference.state)
        counts[key] = counts.get(key, 0) + 1
    return replace(VERIFICATION, report=DriftReport(counts, differences, omitted))


def test_the_counts_of_both_kinds_stand_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, found()) == [
        "KIND SAME MISSING CHANGED MISPLACED ORPHAN DUPLICATE HELD DEAD_LETTERED WAITING UNMANAGED",
        "organization 0 0 0 0 0 0 0 0 0 0",
        "account 1 0 0 0 0 0 0 0 0 0",
        "nothing differs",
    ]


def test_what_must_be_corrected_stands_before_what_is_listed_only(capsys: pytest.CaptureFixture[str]) -> None:
    job = found(
        Difference(EntryState.UNMANAGED, Kind.ACCOUNT, entry_uuid="u", dn="uid=guest"),
        Difference(EntryState.WAITING, Kind.ACCOUNT, "a2", reason="dn_occupied"),
        Difference(EntryState.MISPLACED, Kind.ORGANIZATION, "o1", "u", "ou=a", "ou=b", ("description",)),
        MISSING,
    )
    assert shown(capsys, job)[4:] == [
        "STATE KIND ID ENTRY DETAIL",
        "missing account a1 uid=mei,ou=x -",
        "misplaced organization o1 ou=a belongs at ou=b; description",
        "waiting account a2 - dn_occupied",
        "unmanaged account - uid=guest -",
    ]


def test_who_came_back_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is for programs."""
    back = Difference(EntryState.UNMANAGED, Kind.ACCOUNT, "a1", "u", "uid=mei", reason=DELETED_AT_SOURCE)
    words = "the source deleted it; it came back, perhaps from a backup: delete it by hand"
    assert shown(capsys, found(back))[5] == f"unmanaged account a1 uid=mei {words}"


def test_of_many_differences_some_are_shown_and_all_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that the report itself leaves out, too."""
    lines = shown(capsys, found(*[MISSING] * 60, omitted=7))
    assert (sum(line.startswith("missing") for line in lines), lines[-1]) == (50, "and 17 more: --json")


def test_nothing_of_somebody_elses_reaches_the_terminal_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """An id with control characters moves no cursor."""
    lines = shown(capsys, found(replace(MISSING, id="a\x1b[2J\nb")))
    assert "missing account a\\x1b[2J b uid=mei,ou=x -" in lines


def test_a_dry_run_says_that_it_changed_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, replace(found(MISSING), dry_run=True))
    assert lines[-1] == "1 differs: nothing was changed (dry run)"


def test_corrections_of_both_kinds_are_added_up_and_what_failed_has_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    job = replace(
        VERIFICATION,
        corrections={
            (Kind.ORGANIZATION, Action.CREATED): 1,
            (Kind.ACCOUNT, Action.CREATED): 2,
            (Kind.ACCOUNT, Action.FAILED): 700,
        },
        failures=(FailedCorrection(Kind.ACCOUNT, "a1", "refused_by_directory"),),
    )
    assert shown(capsys, job)[1:] == [
        "not corrected: 700",
        "KIND ID REASON",
        "account a1 refused_by_directory",
        "and 650 more: --json",
        "corrected: 3 created",
    ]


def test_a_verification_that_was_not_done_does_not_say_that_nothing_differs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert shown(capsys, replace(found(), state=JobState.STOPPED))[-1].startswith("account")
