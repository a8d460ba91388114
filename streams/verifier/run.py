"""One verification, from its beginning to its end (design section 6)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import time
from typing import Protocol

from schemas.jobs import JobState, Trigger, Verification
from streams.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants verified.

    Attributes:
        job_id: the id of the job, and of its record.
        dry_run: report only.
        approve: deletions that the report lists are not held by the guard.
        rebind: bindings of another target, and to entries that are not there, count as none.
        request: the control record that asked for it.
    """

    job_id: str
    trigger: Trigger
    dry_run: bool = False
    approve: bool = False
    rebind: bool = False
    request: str | None = None


class Progress(Protocol):
    """Whom the run tells how far it is.

    Steps: "snapshot", "directory", "comparing", "organizations", "accounts", "deletions", "looking again".
    """

    def step(self, name: str, total: int | None) -> None:
        """The next step begins; `total` is what it will advance to, if that is known."""

    def advance(self, count: int) -> None:
        """So many more are done."""


async def run_verification(
    settings: Settings, request: Request, progress: Progress, save: Callable[[Verification], Awaitable[None]]
) -> Verification:
    """Compare snapshot and directory, and correct what differs.

    Args:
        settings: the configuration.
        request: what is wanted.
        progress: is told of each step.
        save: writes the job record: when it begins, and at the end.

    Returns:
        The job record as it was saved last.

    Raises:
        CommandFailed, Retryable, Halting: nothing could be begun.
    """
    raise NotImplementedError((settings, request, progress, save, time, JobState))
