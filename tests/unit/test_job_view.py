"""What is known of the jobs: which verification runs, and which one does what somebody asked for."""

from dataclasses import replace

from schemas.jobs import FullPush, Job, JobState, Trigger, Verification
from streams.job_log import ABANDONED, KEPT, JobView


def verification(
    identifier: str,
    started: int,
    state: JobState = JobState.DONE,
    *,
    request: str | None = None,
    dry_run: bool = False,
    rebind: bool = False,
) -> Verification:
    return Verification(identifier, Trigger.VERIFY, dry_run, state, started, rebind=rebind, request=request)


def killed(identifier: str, started: int, *, request: str | None = None) -> Verification:
    """One whose end the next run wrote down."""
    return replace(verification(identifier, started, JobState.UNFINISHED, request=request), detail=ABANDONED)


def answer(*jobs: Verification) -> str | None:
    """Who answers the request `r`, which was written down at 100."""
    found = JobView(jobs).answer_to("r", 100)
    return None if found is None else found.id


def test_jobs_are_listed_as_they_began() -> None:
    """Whatever the order in which they end; a push whose begin never came stands first."""
    jobs: list[Job] = [
        verification("b", 3),
        FullPush("p", 1, 1, began=2),
        FullPush("q", 1, 1, began=None),
        verification("a", 1),
    ]
    assert [job.id for job in JobView(jobs).all] == ["q", "a", "p", "b"]


def test_a_later_record_replaces_the_earlier_one() -> None:
    view = JobView([verification("a", 1, JobState.RUNNING), verification("a", 1)])
    assert (len(view.all), view.unended) == (1, [])


def test_the_last_one_without_an_end_may_be_the_one_that_runs() -> None:
    view = JobView([verification("b", 2, JobState.RUNNING), verification("a", 1, JobState.RUNNING)])
    assert [job.id for job in view.unended] == ["a", "b"]


def test_only_who_has_written_its_end_has_ended() -> None:
    view = JobView([verification("a", 1, JobState.RUNNING), verification("b", 1, JobState.FAILED)])
    assert [view.ended(name) is not None for name in ("a", "b", "c")] == [False, True, False]


def test_an_end_that_the_next_run_wrote_is_none() -> None:
    """Whoever waited for the run that was killed must have another one."""
    assert JobView([killed("a", 1)]).ended("a") is None


def test_who_names_a_request_answers_it() -> None:
    """Before others, and whenever it began: clocks differ."""
    assert answer(verification("later", 200), verification("named", 90, request="r")) == "named"


def test_a_correction_that_began_later_answers_a_request() -> None:
    assert answer(verification("before", 99), verification("later", 100)) == "later"


def test_a_dry_run_answers_no_request_for_a_full_sync() -> None:
    assert answer(verification("dry", 200, dry_run=True)) is None


def test_a_rebinding_answers_no_request_for_a_full_sync() -> None:
    """It deletes nothing."""
    assert answer(verification("rebinding", 200, rebind=True)) is None


def test_who_was_killed_answers_nothing() -> None:
    """Neither what it was run for, nor what came before it."""
    assert answer(killed("named", 110, request="r"), killed("later", 120)) is None
    assert answer(killed("first", 110, request="r"), verification("again", 130, request="r")) == "again"


def test_after_three_that_were_killed_a_request_is_given_up() -> None:
    """Whatever it is that kills them would kill the next one too."""
    runs = [killed(f"v{number}", 110 + number, request="r") for number in range(3)]
    assert answer(*runs[:2]) is None
    assert answer(*runs) == "v2"
    assert answer(*runs, verification("later", 200)) == "later"


def test_an_earlier_verification_of_another_request_is_no_answer() -> None:
    assert answer(verification("other", 50, request="s")) is None


def test_only_the_last_verifications_are_kept() -> None:
    """Each may tell of thousands of differences. Full pushes are small, and stay; who was removed is not outdated."""
    runs = [verification(f"v{number}", number) for number in range(KEPT + 2)]
    view = JobView([FullPush("p", 1, 1, began=0), *reversed(runs)])
    assert [job.id for job in view.all] == ["p", *(job.id for job in runs[2:])]
    assert view.outdated == {"v0", "v1"}
    view.forget("v0")
    assert view.outdated == {"v1"}
