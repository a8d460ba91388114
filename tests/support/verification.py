"""Running verifications in a test, and what they say."""

import asyncio
import uuid
from typing import Any

from schemas.events import Kind
from schemas.jobs import Difference, DriftReport, Trigger, Verification
from streams.kafka import Publisher
from streams.settings import Settings
from streams.verifier.run import Request, run_verification

Line = tuple[str, str | None, tuple[str, ...]]
"""Of a report: state, id, attributes."""


class Counted:
    """Progress that is only counted.

    Attributes:
        steps: name, what was announced, what came.
    """

    def __init__(self) -> None:
        self.steps: list[tuple[str, int | None, int]] = []

    def step(self, name: str, total: int | None) -> None:
        """As `Progress.step`."""
        self.steps.append((name, total, 0))

    def advance(self, count: int) -> None:
        """As `Progress.advance`."""
        name, total, done = self.steps[-1]
        self.steps[-1] = (name, total, done + count)


def verify(settings: Settings, progress: Counted | None = None, **options: Any) -> Verification:
    """Run one verification to its end; `options` are those of `Request`."""
    saved: list[Verification] = []

    async def save(job: Verification) -> None:
        saved.append(job)

    async def run() -> Verification:
        async with Publisher(settings) as publisher:
            return await run_verification(settings, publisher, request, progress or Counted(), save)

    request = Request(f"v-{uuid.uuid4().hex[:8]}", Trigger.VERIFY, **options)
    done = asyncio.run(run())
    assert saved[-1] == done
    return done


def report_of(job: Verification) -> DriftReport:
    """Its report, which it must have."""
    assert job.report is not None, job.detail
    return job.report


def lines(job: Verification) -> list[Line]:
    """Everything that differs or is listed, sorted."""
    return sorted((_line(one) for one in report_of(job).differences), key=str)


def counted(job: Verification) -> dict[str, int]:
    """The corrections of both kinds together, as far as there were any."""
    found: dict[str, int] = {}
    for (_, action), count in job.corrections.items():
        found[action.value] = found.get(action.value, 0) + count
    return found


def counted_states(job: Verification, kind: Kind = Kind.ACCOUNT) -> dict[str, int]:
    """How many of a kind are in each state, as far as there are any."""
    counts = report_of(job).counts
    return {state.value: count for (of, state), count in counts.items() if of is kind and count}


def _line(difference: Difference) -> Line:
    return difference.state.value, difference.id, difference.attributes
