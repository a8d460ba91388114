"""What verifications found and did, as metrics."""

from dataclasses import replace
from typing import Final

import pytest

from schemas.events import Kind
from schemas.jobs import Action, DriftReport, EntryState, JobState, Trigger, Verification
from streams.metrics import Metrics
from streams.verifier.measuring import count_corrections, show_found

DONE: Final = Verification(
    "v",
    Trigger.SCHEDULE,
    dry_run=False,
    state=JobState.DONE,
    started=1000,
    ended=3500,
    report=DriftReport({(Kind.ACCOUNT, EntryState.SAME): 7, (Kind.ACCOUNT, EntryState.MISSING): 2}),
    corrections={(Kind.ACCOUNT, Action.CREATED): 2},
)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"ldapflow_verification_{name}", labels)


def test_what_was_found_is_shown() -> None:
    metrics = Metrics()
    show_found(metrics, DONE)
    assert value(metrics, "entries", kind="account", state="same") == 7
    assert value(metrics, "duration_seconds") == 2.5
    assert value(metrics, "last_success_timestamp_seconds") == 3.5


def test_what_was_not_found_any_more_is_0() -> None:
    """Reports may leave zeros out."""
    metrics = Metrics()
    show_found(metrics, DONE)
    show_found(metrics, replace(DONE, report=DriftReport({(Kind.ACCOUNT, EntryState.SAME): 9})))
    assert value(metrics, "entries", kind="account", state="missing") == 0


def test_one_that_runs_or_found_nothing_out_hides_nothing() -> None:
    metrics = Metrics()
    show_found(metrics, DONE)
    show_found(metrics, replace(DONE, ended=None, report=DriftReport({})))
    show_found(metrics, replace(DONE, ended=9000, report=None, state=JobState.FAILED))
    assert value(metrics, "entries", kind="account", state="same") == 7
    assert value(metrics, "last_success_timestamp_seconds") == 3.5


@pytest.mark.parametrize(
    "job", [replace(DONE, dry_run=True), replace(DONE, corrections={(Kind.ACCOUNT, Action.FAILED): 1})]
)
def test_a_dry_run_or_one_that_could_not_correct_everything_is_no_success(job: Verification) -> None:
    """Else nobody would be told that the directory is not as it should be."""
    metrics = Metrics()
    show_found(metrics, job)
    assert value(metrics, "entries", kind="account", state="same") == 7
    assert value(metrics, "last_success_timestamp_seconds") == 0


def test_corrections_are_counted_once_at_the_end() -> None:
    """The record is written several times while it runs."""
    metrics = Metrics()
    for job in (replace(DONE, ended=None, state=JobState.RUNNING), DONE):
        count_corrections(metrics, job)
    assert value(metrics, "corrections_total", kind="account", action="created") == 2
