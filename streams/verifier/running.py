"""One verification at a time, with every end written down."""

import asyncio
import secrets
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from time import time
from typing import Final

import structlog

from schemas.errors import CommandFailed, LdapflowError
from schemas.jobs import JobState, Verification
from streams.job_log import ABANDONED, JobView, read_jobs, remove_outdated, write_job
from streams.kafka import Cluster, Publisher
from streams.settings import Settings
from streams.verifier.exclusion import Exclusion, Occupied, group_of
from streams.verifier.run import Progress, Request, begun, run_verification

log = structlog.get_logger(__name__)

_LAST_WORD_SECONDS: Final = 5.0

_TOLD: Final = "it was told to end; what it asked of the workers stays valid, the next run goes on"
_LOST: Final = "Kafka heard nothing of it for too long, so that another one may run; the next run goes on"


class AlreadyRunning(CommandFailed):
    """Another verification runs.

    Attributes:
        job: its record; None while it has written none yet.
    """

    def __init__(self, job: Verification | None) -> None:
        super().__init__("another verification runs")
        self.job = job


async def run_alone(settings: Settings, request: Request, progress: Progress) -> Verification:
    """Run a verification while nobody else does.

    Whatever ends it, its record says how: failed, or unfinished when it was cancelled. Records of processes that were
    killed are ended first. A request that has an answer already is not run again.

    Args:
        settings: the configuration.
        request: what is wanted.
        progress: is told of each step.

    Returns:
        Its last record, or the answer that was there.

    Raises:
        AlreadyRunning: somebody else runs one.
        CommandFailed, Retryable, Halting: it could not be begun, or broke.
    """
    await asyncio.to_thread(_check_topics, settings)
    async with Publisher(settings) as publisher:
        journal = _Journal(settings, publisher, request)
        running: asyncio.Task[Verification] | None = None

        def lost() -> None:
            journal.lost = True
            if running is not None:
                running.cancel()

        try:
            async with Exclusion(settings, lost):
                jobs = await asyncio.to_thread(read_jobs, settings)
                for abandoned in jobs.unended:
                    record = ended(abandoned, JobState.UNFINISHED, ABANDONED)
                    await write_job(publisher, settings, record)
                    jobs.take_in(record)
                answer = None if request.request is None else jobs.named(request.request)
                if answer is not None:
                    return answer
                await remove_outdated(publisher, settings, jobs)
                if journal.lost:
                    raise CommandFailed(_LOST)
                running = asyncio.create_task(run_verification(settings, publisher, request, progress, journal.save))
                return await journal.kept(running)
        except Occupied as exc:
            raise AlreadyRunning(await asyncio.to_thread(running_job, settings)) from exc


def running_job(settings: Settings, jobs: JobView | None = None) -> Verification | None:
    """The verification that runs now, in whatever process.

    Args:
        settings: how Kafka is reached.
        jobs: where it is known already.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    with Cluster(settings) as cluster:
        if not cluster.has_members(group_of(settings)):
            return None
    unended = (jobs or read_jobs(settings)).unended
    return unended[-1] if unended else None


def new_job_id() -> str:
    """An id for a verification, of which nobody has heard; ids sort as they are made."""
    return f"v-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def ended(job: Verification, state: JobState, detail: str) -> Verification:
    """The record of a verification that was ended from without."""
    return replace(job, state=state, ended=_now(), detail=detail)


def _check_topics(settings: Settings) -> None:
    """Say at once that Kafka is away or a topic is missing: a consumer group only hopes that they come."""
    with Cluster(settings) as cluster:
        cluster.end_offsets([settings.topics.control, settings.topics.jobs])


class _Journal:
    """What a run has written down last.

    Attributes:
        lost: another one may run by now.
    """

    def __init__(self, settings: Settings, publisher: Publisher, request: Request) -> None:
        self.lost = False
        self._settings = settings
        self._publisher = publisher
        self._last = begun(request)

    async def save(self, job: Verification) -> None:
        await write_job(self._publisher, self._settings, job)
        self._last = job

    async def kept(self, running: "asyncio.Task[Verification]") -> Verification:
        """Wait for the run, and write down an end that it does not write down itself."""
        try:
            return await running
        except asyncio.CancelledError:
            await self._end(JobState.UNFINISHED, _LOST if self.lost else _TOLD)
            if self.lost:
                raise CommandFailed(f"verification {self._last.id} is unfinished: {_LOST}") from None
            raise
        except BaseException as exc:
            await self._end(JobState.FAILED, str(exc) if isinstance(exc, LdapflowError) else repr(exc))
            raise

    async def _end(self, state: JobState, detail: str) -> None:
        if self._last.state is not JobState.RUNNING:
            return
        # What broke the run may be that Kafka is away: then the next run ends the record.
        with suppress(LdapflowError, TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self.save(ended(self._last, state, detail))


def _now() -> int:
    return round(time() * 1000)
