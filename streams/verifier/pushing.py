"""A full sync now: by a verifier that answers, by the verification that runs already, or here."""

import asyncio
import uuid
from collections.abc import Callable
from time import time
from typing import Final

from schemas.control import PushRequest
from schemas.jobs import JobState, Trigger, Verification
from streams.control import decide
from streams.job_log import JobReader
from streams.kafka import Publisher
from streams.settings import Settings
from streams.verifier.run import Progress, Request
from streams.verifier.running import AlreadyRunning, new_job_id, run_alone, running_job

_ANSWER_SECONDS: Final = 5.0
# Whoever was killed has written no end: from time to time we ask Kafka whether the run is alive.
_LOOK_SECONDS: Final = 2.0


class Push:
    """One wish for a full sync.

    Args:
        settings: the configuration.
        progress: is told of each step, when it is run here.
        tell: is told, in a line for people, for whom we wait.
    """

    def __init__(self, settings: Settings, progress: Progress, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._progress = progress
        self._tell = tell
        self._id = uuid.uuid4().hex
        self._asked: int | None = None

    async def run(self) -> Verification:
        """See to it that a verification corrects what differs, and wait for its end.

        Returns:
            Its last record.

        Raises:
            CommandFailed, Retryable, Halting: it could not be begun here, or broke here.
        """
        async with JobReader(self._settings) as jobs:
            while True:
                running = await self._running(jobs)
                if running is None and self._asked is None:
                    await self._ask(jobs)
                    running = await self._running(jobs)
                if running is not None:
                    done = await self._end_of(running, jobs)
                    if done is not None and done.corrects_everything:
                        return done
                    continue  # it was killed, or does not correct everything: another one must
                answer = self._answer(jobs)
                if answer is not None and answer.state is not JobState.RUNNING:
                    return answer
                try:
                    request = Request(new_job_id(), Trigger.PUSH, request=self._id)
                    return await run_alone(self._settings, request, self._progress)
                except AlreadyRunning:
                    await jobs.wait_for(lambda: bool(jobs.view.unended), _LOOK_SECONDS)

    async def _ask(self, jobs: JobReader) -> None:
        """Write the wish down, and wait a little whether a verifier begins."""
        self._asked = round(time() * 1000)
        async with Publisher(self._settings) as publisher:
            await decide(publisher, self._settings, PushRequest(self._id))
        self._tell("asked for a verification: waiting for a verifier")
        await jobs.wait_for(lambda: self._answer(jobs) is not None, _ANSWER_SECONDS)

    def _answer(self, jobs: JobReader) -> Verification | None:
        return None if self._asked is None else jobs.view.answer_to(self._id, self._asked)

    async def _running(self, jobs: JobReader) -> Verification | None:
        return await asyncio.to_thread(running_job, self._settings, jobs.view)

    async def _end_of(self, job: Verification, jobs: JobReader) -> Verification | None:
        """Wait for the end of a verification; None when its process is gone without one."""
        self._tell(f"verification {job.id} runs: waiting for its end")

        def has_ended() -> bool:
            return jobs.view.ended(job.id) is not None

        while not await jobs.wait_for(has_ended, _LOOK_SECONDS):
            running = await self._running(jobs)
            if running is None or running.id != job.id:
                await jobs.catch_up()
                break
        return jobs.view.ended(job.id)
