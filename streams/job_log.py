"""The job records: all of them as the jobs topic has them, and writing one down."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Self

import structlog

from schemas.jobs import FullPush, Job, JobState, Verification
from schemas.jobs_codec import decode_job, encode_job
from streams.kafka import Publisher, Received, TopicTail, read_to_end
from streams.settings import Settings

log = structlog.get_logger(__name__)

KEPT: Final = 100  # verifications: each may tell of thousands of differences, and whoever reads them reads all
# What the next run writes down for one that could not.
ABANDONED: Final = "its process ended without a word; what it asked of the workers stays valid, the next run goes on"
_MOST_KILLED: Final = 3  # for one request: whatever kills the runs would kill the next one too


class JobView:
    """The last record of every full push, and of the last verifications.

    Attributes:
        outdated: the ids of earlier verifications.
    """

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.outdated: set[str] = set()
        self._jobs: dict[str, Job] = {}
        for job in jobs:
            self.take_in(job)

    def take_in(self, job: Job) -> None:
        """Take in the next record."""
        self._jobs[job.id] = job
        for older in self._verifications[:-KEPT]:
            del self._jobs[older.id]
            self.outdated.add(older.id)

    def forget(self, identifier: str) -> None:
        """Take in that there is no record of a job any more."""
        self._jobs.pop(identifier, None)
        self.outdated.discard(identifier)

    @property
    def all(self) -> list[Job]:
        """Every job, the one that began last at the end."""
        return sorted(self._jobs.values(), key=began)

    @property
    def unended(self) -> list[Verification]:
        """The verifications that have not written down their end; at most the last of them runs."""
        return [job for job in self._verifications if job.state is JobState.RUNNING]

    def get(self, identifier: str) -> Job | None:
        """One of them."""
        return self._jobs.get(identifier)

    def ended(self, identifier: str) -> Verification | None:
        """A verification that has written down its end itself."""
        job = self._jobs.get(identifier)
        if not isinstance(job, Verification) or job.state is JobState.RUNNING or _was_killed(job):
            return None
        return job

    def named(self, request: str) -> Verification | None:
        """The verification that was run for a request; one that was killed only if no other shall be tried."""
        runs = [job for job in self._verifications if job.request == request]
        given_up = runs[-1] if len(runs) >= _MOST_KILLED else None
        return next((job for job in runs if not _was_killed(job)), given_up)

    def answer_to(self, request: str, asked: int) -> Verification | None:
        """The verification that does what somebody asked for: one for it, or another full sync that began later.

        Those that were killed do not; but after three that were run for it there shall be no other.

        Args:
            request: the id of the request.
            asked: milliseconds: when it was written down.
        """
        named = self.named(request)
        if named is not None and not _was_killed(named):
            return named
        later = (job for job in self._verifications if job.corrects_everything and job.started >= asked)
        return next((job for job in later if not _was_killed(job)), named)

    @property
    def _verifications(self) -> list[Verification]:
        return [job for job in self.all if isinstance(job, Verification)]


def began(job: Job) -> int:
    """When a job began, in milliseconds; 0 for a push whose begin never came."""
    match job:
        case Verification():
            return job.started
        case FullPush():
            return job.began or 0


def _was_killed(job: Verification) -> bool:
    return job.detail == ABANDONED


def read_jobs(settings: Settings) -> JobView:
    """All jobs until now.

    Raises:
        CommandFailed: Kafka does not answer, or the topic is missing.
    """
    view = JobView()
    for message in read_to_end(settings, [settings.topics.jobs]):
        if message.value is None:
            view.forget(message.identifier)
        elif (job := _job_of(message)) is not None:
            view.take_in(job)
    return view


class JobReader:
    """Keeps a `JobView` as new as Kafka; used as `async with`, in one event loop.

    Raises:
        CommandFailed: on entering, Kafka does not answer or the topic is missing.

    Attributes:
        view: the jobs.
    """

    def __init__(self, settings: Settings) -> None:
        self.view = JobView()
        self._changed = asyncio.Event()
        self._listeners: list[Callable[[Job], None]] = []
        self._tail: TopicTail[Job] = TopicTail(settings, [settings.topics.jobs], _job_of, self._deliver)

    async def __aenter__(self) -> Self:
        await self._tail.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tail.__aexit__(*error)

    def listen(self, listener: Callable[[Job], None]) -> None:
        """Call a listener, in the event loop, with each record that comes from now on."""
        self._listeners.append(listener)

    async def catch_up(self) -> None:
        """Wait until the view has everything that was written until now.

        Raises:
            Retryable: Kafka does not answer.
        """
        await self._tail.catch_up()

    async def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until the view fulfils a condition; False when it does not in time."""
        try:
            async with asyncio.timeout(seconds):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            return condition()
        return True

    def _deliver(self, batch: Sequence[Job]) -> None:
        for job in batch:
            self.view.take_in(job)
            for listener in self._listeners:
                listener(job)
        self._changed.set()
        self._changed = asyncio.Event()


async def write_job(publisher: Publisher, settings: Settings, job: Job) -> None:
    """Write a record down; it replaces the earlier ones of its job.

    Raises:
        Retryable, CommandFailed: as `Publisher.send`.
    """
    await publisher.send(settings.topics.jobs, job.id.encode(), encode_job(job))


async def remove_outdated(publisher: Publisher, settings: Settings, view: JobView) -> None:
    """Remove the records of earlier verifications.

    Raises:
        Retryable, CommandFailed: as `Publisher.send`.
    """
    for identifier in view.outdated:
        await publisher.send(settings.topics.jobs, identifier.encode(), None)


def _job_of(message: Received) -> Job | None:
    try:
        return decode_job(message.value)
    except ValueError as exc:
        log.error("job_unreadable", topic=message.topic, offset=message.offset, error=str(exc))  # noqa: TRY400
        return None
