"""`ldapflow verifier`: verifications on a schedule and on demand, until it is told to stop."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from datetime import datetime, tzinfo
from importlib.metadata import version
from time import time
from typing import Any, Final

import structlog

from ldap_sink.directory import Directory
from schemas.control import Decided, PushRequest
from schemas.errors import CommandFailed, LdapflowError, Retryable
from schemas.jobs import Job, JobState, Trigger, Verification
from streams.control import ControlReader
from streams.job_log import JobReader
from streams.metrics import Metrics
from streams.services.health import Health
from streams.services.stopping import stop_on_signals
from streams.settings import Settings
from streams.settings.directory import directory_settings, require_target
from streams.verifier.condition import Condition
from streams.verifier.measuring import count_corrections, show_found
from streams.verifier.run import Request
from streams.verifier.running import AlreadyRunning, new_job_id, run_alone, running_job
from streams.verifier.schedule import local_zone, next_run

log = structlog.get_logger(__name__)

_RETRY_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 20.0
# The clock on the wall may be set while the verifier waits.
_LONGEST_WAIT_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 5.0  # whether a verification that was begun elsewhere is still alive


def run_verifier(settings: Settings) -> int:
    """Run verifications until SIGTERM or SIGINT. Kafka and LDAP may come and go.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: the configuration does not fit, or the address of /metrics is in use.
        CommandFailed: a part broke; start it again.
    """
    require_target(settings)
    return asyncio.run(_run(settings, local_zone()))


async def _run(settings: Settings, zone: tzinfo) -> int:
    stopping = stop_on_signals()
    verifier = Verifier(settings, zone)
    running = asyncio.create_task(verifier.run())
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    running.cancel()
    await asyncio.wait({running}, timeout=_STOP_SECONDS)
    log.info("verifier_ends", name=settings.name)
    if running.done() and not running.cancelled():
        running.result()
    return 0


class Verifier:
    """One verifier process.

    Args:
        settings: the configuration.
        zone: in which the schedule is meant.
    """

    def __init__(self, settings: Settings, zone: tzinfo) -> None:
        self._settings = settings
        self._zone = zone
        self._metrics = Metrics(settings.name, version("ldapflow"))
        self._condition = Condition(settings, self._metrics)
        self._asked = asyncio.Event()
        self._tried: set[str] = set()
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Run until cancelled; a verification in the middle ends as unfinished.

        Raises:
            ConfigurationError: the address of /metrics cannot be used.
            CommandFailed: a part broke.
        """
        settings, condition = self._settings, self._condition
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self._break_off(context))
        async with AsyncExitStack() as stack:
            health = Health(self._metrics, condition.readiness)
            await health.start(settings.metrics.listen)
            stack.push_async_callback(health.stop)
            await stack.enter_async_context(
                Directory(
                    directory_settings(settings),
                    may_write=lambda: False,  # it is only looked at: a run has a connection of its own
                    on_state_change=condition.on_directory_state,
                    observe=condition.directory.count,
                )
            )
            log.info("verifier_starts", name=settings.name)
            tasks = [asyncio.create_task(work) for work in (condition.watch_kafka(), self._serve())]
            try:
                await asyncio.wait({*tasks, self._broken}, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for done in (*tasks, self._broken):
                if done.done() and not done.cancelled():
                    done.result()

    async def _serve(self) -> None:
        async with AsyncExitStack() as stack:
            control, jobs = await self._open(stack)
            while True:
                request = await self._next(control, jobs)
                await self._condition.usable()
                await self._verify(request)

    async def _open(self, stack: AsyncExitStack) -> tuple[ControlReader, JobReader]:
        """Read the control topic and the jobs, as soon as Kafka is there."""
        while True:
            await self._condition.kafka_up()
            control, jobs = ControlReader(self._settings), JobReader(self._settings)
            try:
                async with AsyncExitStack() as opened:
                    await opened.enter_async_context(control)
                    await opened.enter_async_context(jobs)
                    stack.push_async_exit(opened.pop_all())
            except CommandFailed as exc:
                log.warning("kafka_not_read", detail=str(exc))
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._condition.control = control.view
            self._condition.on_control()
            control.listen(self._condition.on_control)
            control.listen(self._asked.set)
            for job in jobs.view.all:
                show_found(self._metrics, job)
            jobs.listen(self._on_job)
            return control, jobs

    async def _next(self, control: ControlReader, jobs: JobReader) -> Request:
        """Wait until the schedule or somebody asks for a verification."""
        due = next_run(self._settings.sync.verification, self._now())
        log.info("next_verification", at="on request only" if due is None else due.isoformat())
        while True:
            self._asked.clear()
            asked = await self._unanswered(control.view.push_requests, jobs)
            if asked is not None:
                return Request(new_job_id(), Trigger.PUSH, request=asked)
            longest = _LOOK_SECONDS if jobs.view.unended else _LONGEST_WAIT_SECONDS
            left = longest if due is None else (due - self._now()).total_seconds()
            if left <= 0:
                return Request(new_job_id(), Trigger.SCHEDULE)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, longest)):
                    await self._asked.wait()

    async def _unanswered(self, requests: Sequence[Decided], jobs: JobReader) -> str | None:
        """The first request that no job answers; each is returned once.

        A job that should answer one and has no end is asked for again: its process may be gone, and then it does not.
        """
        for decided in requests:
            asked = decided.decision
            if not isinstance(asked, PushRequest) or asked.id in self._tried:
                continue
            try:
                await jobs.catch_up()
            except Retryable as exc:
                # Whoever runs it looks once more, when nobody else can answer it.
                log.warning("jobs_not_read", detail=str(exc))
            answer = jobs.view.answer_to(asked.id, decided.time)
            if answer is not None and answer.state is JobState.RUNNING:
                if await self._is_one_alive(jobs):
                    continue
                answer = None
            self._tried.add(asked.id)
            if answer is None:
                return asked.id
        return None

    async def _is_one_alive(self, jobs: JobReader) -> bool:
        """Whether a verification may run now; its end, or the next look, says more."""
        try:
            return await asyncio.to_thread(running_job, self._settings, jobs.view) is not None
        except CommandFailed:
            return True  # Kafka does not answer

    async def _verify(self, request: Request) -> None:
        """Run one; whatever happens, the next one will be run."""
        context = log.bind(job=request.job_id, trigger=request.trigger.value)
        context.info("verification_begins")
        try:
            job = await run_alone(self._settings, request, _LoggedSteps(request.job_id))
        except AlreadyRunning as exc:
            context.warning("verification_skipped", running=None if exc.job is None else exc.job.id)
        except LdapflowError as exc:
            context.error("verification_failed", detail=str(exc))
        except Exception:  # noqa: BLE001 - a fault of ours in one run is told, and ends no other
            context.exception("verification_broke")
        else:
            self._tell(job)

    def _on_job(self, job: Job) -> None:
        """Take in what any process found and did: a person's command, or another verifier."""
        show_found(self._metrics, job)
        count_corrections(self._metrics, job)

    @staticmethod
    def _tell(job: Verification) -> None:
        counts = (
            {} if job.report is None else {f"{kind}s_{state}": n for (kind, state), n in job.report.counts.items() if n}
        )
        done = {f"{kind}s_{action}": count for (kind, action), count in job.corrections.items()}
        words = {"job": job.id, "state": job.state.value, "found": counts, "corrected": done, "detail": job.detail}
        if job.succeeded:
            log.info("verification_ends", **words)
        elif job.state is JobState.UNFINISHED:
            log.warning("verification_ends", **words)
        else:
            log.error("verification_ends", **words)

    def _break_off(self, context: Mapping[str, Any]) -> None:
        """A fault of ours where nobody waits for the outcome: end, and be started again, rather than go on halved."""
        problem = context.get("exception") or RuntimeError(str(context.get("message")))
        log.error("verifier_breaks_off", error=repr(problem), exc_info=problem)
        if not self._broken.done():
            self._broken.set_exception(CommandFailed(f"the verifier broke off and must be started again: {problem!r}"))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time(), self._zone)


class _LoggedSteps:
    """Tells the log of a run's steps."""

    def __init__(self, job: str) -> None:
        self._job = job

    def step(self, name: str, total: int | None) -> None:
        log.info("verification_step", job=self._job, step=name, total=total)

    def advance(self, count: int) -> None:
        """Say nothing: a log wants no thousand lines."""
