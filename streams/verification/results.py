"""What the corrections of a run came to, as its record tells it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from schemas.events import Kind, Subject
from schemas.jobs import Action, Difference, FailedCorrection, JobState, Verification
from streams.verification.second_look import Outcome

_MAX_FAILURES: Final = 500  # in a record; all of them are counted
_MAX_REASON: Final = 200


class Results:
    """Counts outcomes.

    Attributes:
        held: how many deletions the guard holds.
    """

    def __init__(self) -> None:
        self.held = 0
        self._counts: Counter[tuple[Kind, Action]] = Counter()
        self._failures: list[FailedCorrection] = []

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Count what became of some corrections."""
        for outcome in outcomes:
            self.held += outcome.is_held
            if outcome.action is Action.FAILED:
                self._fail(outcome.kind, outcome.id, outcome.reason or "not as it should be")
            elif outcome.action is not None:
                self._counts[outcome.kind, outcome.action] += 1

    def take_uncorrectable(self, copies: Iterable[Difference]) -> None:
        """Count drift that only a person can correct: of two entries that carry one id, none is ever deleted."""
        for copy in copies:
            if copy.id is not None:
                self._fail(copy.kind, copy.id, copy.reason or copy.state.value)

    def take_unreadable(self, subjects: Iterable[Subject]) -> None:
        """Count whose states cannot be read: nothing can be said of them, so they are not as they should be."""
        for kind, identifier in sorted(subjects):
            self._fail(kind, identifier, "state_unreadable")

    def end(self, job: Verification) -> Verification:
        """The record of a run that came to its end."""
        state, detail = JobState.DONE, None
        if self.held:
            state = JobState.STOPPED
            detail = (
                f"{self.held} deletions are held by the guard: see `ldapflow guard status`, then"
                " `ldapflow guard approve`, or `ldapflow verify --approve`"
            )
        return replace(job, state=state, detail=detail, corrections=self._counts, failures=tuple(self._failures))

    def interrupt(self, job: Verification, why: str) -> Verification:
        """The record of a run whose workers stand still: what is not corrected yet has not failed."""
        done = {key: count for key, count in self._counts.items() if key[1] is not Action.FAILED}
        return replace(job, state=JobState.UNFINISHED, detail=why, corrections=done)

    def _fail(self, kind: Kind, identifier: str, reason: str) -> None:
        self._counts[kind, Action.FAILED] += 1
        if len(self._failures) < _MAX_FAILURES:
            self._failures.append(FailedCorrection(kind, identifier, reason[:_MAX_REASON]))
