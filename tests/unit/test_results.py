"""What the record of a verification says that its corrections came to."""

from schemas.events import Kind
from schemas.jobs import Action, Difference, EntryState, FailedCorrection, JobState, Trigger, Verification
from streams.verification.results import Results


def test_a_run_that_could_not_read_a_state_has_not_succeeded() -> None:
    """Nothing can be said of its entry: without this, nothing would differ."""
    results = Results()
    results.take_unreadable({(Kind.ACCOUNT, "a1")})
    job = results.end(Verification("v", Trigger.VERIFY, dry_run=False, state=JobState.RUNNING, started=1))
    assert job.corrections == {(Kind.ACCOUNT, Action.FAILED): 1}
    assert job.failures == (FailedCorrection(Kind.ACCOUNT, "a1", "state_unreadable"),)


def test_a_run_that_found_a_copied_id_has_not_succeeded() -> None:
    """Of two entries that carry one id none is ever deleted: a person must."""
    results = Results()
    results.take_uncorrectable([Difference(EntryState.DUPLICATE, Kind.ACCOUNT, "a1", "e1", reason="why")])
    job = results.end(Verification("v", Trigger.VERIFY, dry_run=False, state=JobState.RUNNING, started=1))
    assert (job.uncorrected, job.failures) == (1, (FailedCorrection(Kind.ACCOUNT, "a1", "why"),))
