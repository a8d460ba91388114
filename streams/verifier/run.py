"""One verification, from its beginning to its end (design section 6)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import islice
from time import time
from typing import Final, Protocol

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict, Judged
from ldap_sink.reading import read_octets
from ldap_sink.subschema import Subschema
from schemas.control import TopicIds
from schemas.errors import Halting, Permanent, Retryable
from schemas.jobs import JobState, Trigger, Verification
from streams.control import decide
from streams.kafka import Publisher
from streams.settings import Settings
from streams.settings.directory import directory_settings
from streams.verification.comparison import Comparison
from streams.verification.corrections import Approver, Corrections
from streams.verification.doubts import doubts_about_tree
from streams.verification.evidence import Evidence, gather_evidence, read_control
from streams.verification.forgetting import forgettable
from streams.verification.organizations import read_organizations
from streams.verification.redrives import Redrives, StandStill
from streams.verification.results import Results
from streams.verification.second_look import SecondLook
from streams.verification.workers import Workers
from streams.verification.yardstick import Yardstick

PATIENCE_SECONDS: Final = 60.0  # in which no committed offset moves
_SETTLING_SECONDS: Final = 5.0
_ANSWER_SECONDS: Final = 5.0
_KAFKA_UNAVAILABLE: Final = "kafka_unavailable"  # as `Publisher` says
_LIMITS: Final = frozenset({"size_limit_exceeded", "time_limit_exceeded", "admin_limit_exceeded"})
_AT_ONCE: Final = 64  # entities that are looked at again
_IN_ONE_TURN: Final = 256  # entries of the event loop: 3 ms, or 40 where all of them differ


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants verified.

    Attributes:
        job_id: the id of the job, and of its record.
        dry_run: report only.
        approve: deletions that the report lists are not held by the guard.
        rebind: bindings of another target, and to entries that are not there, count as none; nothing is deleted.
        request: the control record that asked for it.
    """

    job_id: str
    trigger: Trigger
    dry_run: bool = False
    approve: bool = False
    rebind: bool = False
    request: str | None = None


def begun(request: Request) -> Verification:
    """The record of a run that begins now."""
    return Verification(
        id=request.job_id,
        trigger=request.trigger,
        dry_run=request.dry_run,
        state=JobState.RUNNING,
        started=_now(),
        rebind=request.rebind,
        request=request.request,
    )


class Progress(Protocol):
    """Whom the run tells how far it is; always in the event loop.

    Steps: "snapshot", "directory", "comparing", "organizations", "accounts", "deletions", "looking again".
    """

    def step(self, name: str, total: int | None) -> None:
        """The next step begins; `total` is what it will advance to, if that is known."""

    def advance(self, count: int) -> None:
        """So many more are done."""


async def run_verification(
    settings: Settings,
    publisher: Publisher,
    request: Request,
    progress: Progress,
    save: Callable[[Verification], Awaitable[None]],
) -> Verification:
    """Compare snapshot and directory, and correct what differs.

    Args:
        settings: the configuration.
        publisher: asks the workers for corrections.
        request: what is wanted.
        progress: is told of each step.
        save: writes the job record: when it begins, when the report is there, and at the end.

    Returns:
        The job record as it was saved last.

    Raises:
        CommandFailed, Retryable: Kafka does not answer; what was begun is recorded as far as it was saved.
    """
    job = begun(request)
    await save(job)
    with Workers(settings) as workers:
        run = _Run(settings, request, progress, publisher, workers)
        try:
            job = await run.run(job, save)
        finally:
            run.ended = True
    job = replace(job, ended=_now())
    await save(job)
    return job


class _Interrupted(Exception):
    """Nobody waits for what a thread of ours reads any more: a process that shall end must not wait for it either."""


class _Run:
    """The steps of one verification.

    Attributes:
        ended: nobody waits for it any more.
    """

    def __init__(
        self, settings: Settings, request: Request, progress: Progress, publisher: Publisher, workers: Workers
    ) -> None:
        self._settings = settings
        self._target = directory_settings(settings)
        self._request = request
        self._progress = progress
        self._publisher = publisher
        self._workers = workers
        self.ended = False

    async def run(self, job: Verification, save: Callable[[Verification], Awaitable[None]]) -> Verification:
        """Go through all of them; what the directory refuses ends the run, and is told in the record."""
        self._progress.step("snapshot", None)
        evidence = await gather_evidence(self._settings, self._workers, self._from_thread(self._progress.advance))
        job = replace(job, swept=None if evidence.push is None else evidence.push.id)
        try:
            async with Directory(self._target, may_write=lambda: False) as directory:
                yardstick = Yardstick.of(self._settings, await self._answer(directory))
                comparison, doubts = await self._compare(evidence, yardstick)
                job = replace(job, report=comparison.findings.report(), detail="; ".join(doubts) or None)
                if self._request.dry_run:
                    return replace(job, state=JobState.DONE)
                if doubts:
                    return replace(job, state=JobState.STOPPED, detail=f"nothing was corrected: {job.detail}")
                await save(job)
                return await self._correct(job, evidence, comparison, yardstick, directory)
        except Halting as exc:
            return replace(job, state=JobState.STOPPED, detail=f"not finished: {exc}")
        except (Retryable, Permanent, Conflict, Judged) as exc:
            reason = exc.reason if isinstance(exc, Retryable) else None
            if reason == _KAFKA_UNAVAILABLE:
                raise
            if reason in _LIMITS:
                words = f"nothing was corrected: the directory cut the search short ({exc})"
                remedy = f"raise its limits for {self._target.admin_dn} (olcLimits)"
                return replace(job, state=JobState.STOPPED, detail=f"{words}: {remedy}")
            return replace(job, state=JobState.FAILED, detail=f"not finished, the directory says: {exc}")

    async def _answer(self, directory: Directory) -> Subschema:
        """The server's schema; by it we know that the directory answers."""
        try:
            async with asyncio.timeout(self._target.connect_timeout + _ANSWER_SECONDS):
                return await directory.subschema()
        except TimeoutError as exc:
            problem = directory.state.problem
            raise Retryable("directory_unavailable", str(problem or "it does not answer")) from exc

    # -- comparing -----------------------------------------------------------------------------------------------------

    async def _compare(self, evidence: Evidence, yardstick: Yardstick) -> tuple[Comparison, list[str]]:
        """Compare everything; says also why nothing may be corrected."""
        snapshot, rebind = evidence.snapshot, self._request.rebind
        swept = bytearray(len(snapshot)) if rebind else evidence.swept()
        organizations = await asyncio.to_thread(read_organizations, snapshot)
        comparison = Comparison(snapshot, organizations, yardstick, swept)
        bound = snapshot.bound
        self._progress.step("directory", bound)
        async with aclosing(read_octets(self._target, yardstick.attributes)) as pages:
            async for page in pages:
                for begin in range(0, len(page), _IN_ONE_TURN):
                    comparison.take_octets(page[begin : begin + _IN_ONE_TURN])
                    await asyncio.sleep(0)  # no thread: it would wait for the interpreter's lock, and so would the loop
                self._progress.advance(len(page))
        self._progress.step("comparing", snapshot.count - comparison.matched)
        await asyncio.to_thread(comparison.finish, self._from_thread(self._progress.advance))
        doubts = [*evidence.doubts(), *doubts_about_tree(comparison, bound, rebind=rebind)]
        # What was in work while we read is recorded by then, and no drift.
        await self._workers.reach(await self._workers.ends(), _SETTLING_SECONDS)
        comparison.drop_changed(await asyncio.to_thread(snapshot.read))
        return comparison, doubts

    # -- correcting ----------------------------------------------------------------------------------------------------

    async def _correct(
        self,
        job: Verification,
        evidence: Evidence,
        comparison: Comparison,
        yardstick: Yardstick,
        directory: Directory,
    ) -> Verification:
        settings, snapshot = self._settings, evidence.snapshot
        redrives = Redrives(settings, self._publisher, self._workers, PATIENCE_SECONDS)
        corrections = Corrections(snapshot, comparison, redrives)
        still: str | None = None
        progress = self._progress if await self._workers.are_there() else _WithoutWorkers(self._progress)
        try:
            await corrections.correct(progress, deletes=not self._request.rebind)
            if not self._request.rebind:
                approver = Approver(settings, self._publisher, snapshot, PATIENCE_SECONDS)
                await corrections.delete(progress, approver if self._request.approve else None)
            await redrives.ask(forgettable(snapshot, _now()), _Silent())
        except StandStill as exc:
            still = str(exc)
        results = await self._look_again(corrections.touched, comparison, yardstick, directory)
        if still is not None:
            return results.interrupt(job, f"the workers stand still: {still}; what was asked of them stays valid")
        results.take_uncorrectable(comparison.findings.copies)
        results.take_unreadable(snapshot.unreadable)
        if evidence.makes_whole(await asyncio.to_thread(read_control, settings)):
            await decide(self._publisher, settings, TopicIds(evidence.topic_ids))
        return results.end(job)

    async def _look_again(
        self, touched: Collection[int], comparison: Comparison, yardstick: Yardstick, directory: Directory
    ) -> Results:
        self._progress.step("looking again", len(touched))
        await asyncio.to_thread(comparison.snapshot.read)
        seconds = self._target.operation_timeout + _ANSWER_SECONDS
        look = SecondLook(comparison, yardstick, directory, seconds)
        results, numbers = Results(), iter(sorted(touched))
        while some := list(islice(numbers, _AT_ONCE)):
            results.take(await look.outcomes(some))
            self._progress.advance(len(some))
        return results

    def _from_thread(self, function: Callable[[int], None]) -> Callable[[int], None]:
        loop = asyncio.get_running_loop()

        def call(count: int) -> None:
            if self.ended:
                raise _Interrupted
            loop.call_soon_threadsafe(function, count)

        return call


class _WithoutWorkers:
    """Progress that says from the beginning what is waited for: the patience of a run lasts a minute."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def step(self, name: str, total: int | None) -> None:
        """Say why the step may take long."""
        self._progress.step(f"{name} (no worker runs: start one)" if total else name, total)

    def advance(self, count: int) -> None:
        """As it is."""
        self._progress.advance(count)


class _Silent:
    """Progress that nobody is told of."""

    def advance(self, count: int) -> None:
        """Say nothing."""


def _now() -> int:
    return round(time() * 1000)
