"""The life of one event: decode, fold, apply, record (design section 4)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from time import monotonic, time
from typing import Any, Final, TypeVar

import structlog
from faust.types import EventT

from processors.folding import Stale, fold
from schemas.codec import decode_event
from schemas.dn import DN
from schemas.errors import DeadLetterReason, Halting, InvalidEvent, Permanent, Retryable
from schemas.events import ConnectivityTest, Event, Kind, PushMark, Redrive, RedriveReason, Subject
from schemas.states import Revision, State, Status
from streams.control import ControlView
from streams.dead_letters import Original
from streams.metrics import Metrics, Outcome
from streams.worker.applying.answering import Apply, Circumstances, Forget, Ignore, Settle, WriteAgain, answer
from streams.worker.applying.applier import Applier
from streams.worker.applying.attempt import Attempt, Verdict
from streams.worker.applying.passwords import Passwords
from streams.worker.gate import Gate
from streams.worker.refusals import Refusals
from streams.worker.states.recorder import Recorder, fits
from streams.worker.states.stale_writes import StaleWrites

log = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS: Final = 0.1
_LAST_WAIT_SECONDS: Final = 10.0
_OUTCOMES: Final[Mapping[Status, Outcome]] = {
    Status.APPLIED: Outcome.APPLIED,
    Status.PENDING: Outcome.PENDING,
    Status.WAITING: Outcome.WAITING,
    Status.HELD: Outcome.HELD,
    Status.DEAD_LETTERED: Outcome.DEAD_LETTERED,
    Status.OUT_OF_SCOPE: Outcome.OUT_OF_SCOPE,
}

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class _Work:
    """One event, where it lay, and what was known of its subject."""

    event: Event
    original: Original
    stored: State | None


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the pipeline asks of others.

    Attributes:
        dead_letter: writes one, and returns when Kafka has it.
        mended: waits until the directory can be used again.
        recheck: told after an entity was recorded as waiting for another that stood at that DN.
        hindered: told after an entity was recorded as waiting, that an entry is in its way which is nobody's.
        redriven: told that a redrive is being handled.
        adopted: told after an entity was recorded as bound to an entry that was there already.
        push_mark: writes down that a full push begins or ends, and returns when Kafka has it.
        is_history: whether an event is only to be kept, as later ones are there already.
        was_told: whether an event was done before, and is a dead letter already if it can never succeed.
    """

    dead_letter: Callable[[Original, Permanent], Awaitable[None]]
    mended: Callable[[], Awaitable[None]]
    recheck: Callable[[Subject, DN], None]
    hindered: Callable[[Subject, str], None]
    redriven: Callable[[Kind, str, Revision, RedriveReason], None]
    adopted: Callable[[Kind, str, int, Revision], None]
    push_mark: Callable[[Event, PushMark], Awaitable[None]]
    is_history: Callable[[Original], bool]
    was_told: Callable[[Original], bool]


class Pipeline:
    """Handles events; one of each key at a time, as `Lanes` runs it.

    Args:
        max_event_bytes: a longer event is a dead letter.
        incremental: events are applied; otherwise only verifications write to LDAP.

    Attributes:
        recorder: reads and writes the states.
    """

    def __init__(  # noqa: PLR0913 - all the parts of the way of an event
        self,
        recorder: Recorder,
        control: ControlView,
        applier: Applier,
        passwords: Passwords,
        gate: Gate,
        hooks: Hooks,
        metrics: Metrics,
        *,
        max_event_bytes: int,
        incremental: bool,
    ) -> None:
        self.recorder = recorder
        self._control = control
        self._applier = applier
        self._passwords = passwords
        self._gate = gate
        self._hooks = hooks
        self._metrics = metrics
        self._max_event_bytes = max_event_bytes
        self._incremental = incremental
        self._stale_writes = StaleWrites()
        self._refusals = Refusals(hooks.dead_letter, hooks.was_told, metrics)

    async def handle(self, kind: Kind, faust_event: EventT[Any]) -> None:
        """Take one event as far as it can come; it is done when this returns."""
        message = faust_event.message
        original = Original(
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            key=message.key,
            value=message.value,
            headers=tuple(dict(message.headers or {}).items()),
        )
        try:
            timestamp = round(message.timestamp * 1000)
            event = decode_event(kind, original.key, original.value, timestamp, self._max_event_bytes)
        except InvalidEvent as exc:
            await self._refusals.refuse_once(kind, original, exc, None)
            self._metrics.events.labels(kind.value, Outcome.DEAD_LETTERED.value).inc()
            return
        outcome, verdict, changes = await self._take(event, original)
        self._metrics.events.labels(kind.value, outcome.value).inc()
        self._metrics.event_latency.observe(max(0.0, time() - message.timestamp))
        say = log.debug if outcome is Outcome.SUPERSEDED else log.info
        say(
            "event",
            outcome=outcome.value,
            type=event.type.value,
            event_id=event.event_id,
            subject=event.subject,
            topic=original.topic,
            partition=original.partition,
            offset=original.offset,
            seconds=round(monotonic() - original.started, 4),
            reason=None if verdict is None else verdict.reason,
            changes=changes,
        )

    async def _take(self, event: Event, original: Original) -> tuple[Outcome, Verdict | None, list[str]]:
        match event.payload:
            case ConnectivityTest():
                return Outcome.TEST, None, []
            case PushMark() as mark:
                await self._until_done(lambda: self._hooks.push_mark(event, mark))
                return Outcome.UNCHANGED, None, []
            case Redrive(revision, reason):
                self._hooks.redriven(event.kind, event.subject, revision, reason)
                stored = await self._until_done(lambda: self.recorder.current(event))
                # What a person retries is still to be tried when something else was written down meanwhile. But within
                # history the state is an old one, to which the directory must not go back.
                is_retry = reason is RedriveReason.RETRY
                if (
                    stored is None
                    or self._hooks.is_history(original)
                    or not (self._is_meant(event, revision, reason, stored.writer) or (is_retry and _is_dead(stored)))
                ):
                    return Outcome.SUPERSEDED, None, []
                return await self._redrive(_Work(event, original, stored), stored, reason)
            case _:
                stored = await self._until_done(lambda: self.recorder.current(event))
                folding = fold(stored, event, self._passwords.note(event, original))
                work = _Work(event, original, stored)
                if not fits(folding.state):
                    too_large = Permanent(
                        DeadLetterReason.TOO_LARGE, "with it, the entity's state would be too large for Kafka"
                    )
                    await self._refusals.refuse_once(event.kind, original, too_large, event)
                    return Outcome.DEAD_LETTERED, None, []
                if isinstance(folding, Stale):
                    if folding.state != stored:
                        written = await self.recorder.record(event, original.partition, folding.state)
                        if stored is not None:
                            self._stale_writes.note((event.kind, event.subject), stored.writer, written.writer)
                    return Outcome.STALE, None, []
                if not self._incremental or self._hooks.is_history(original):
                    return await self._settle(work, folding.state, Verdict(Status.PENDING))
                return await self._apply(work, Attempt(event.kind, event.subject, folding.state, self._intend(work)))

    def _is_meant(self, event: Event, revision: Revision, reason: RedriveReason, stored: Revision) -> bool:
        """Whether a redrive of a revision is for the state that is stored."""
        if reason in {RedriveReason.SWEEP, RedriveReason.FORGET}:
            return revision == stored  # even a stale event is a sign of life
        return self._stale_writes.cover((event.kind, event.subject), revision, stored)

    async def _redrive(
        self, work: _Work, stored: State, reason: RedriveReason
    ) -> tuple[Outcome, Verdict | None, list[str]]:
        event = work.event
        is_held = stored.status is Status.HELD
        circumstances = Circumstances(
            now=round(time() * 1000),
            decided=self._control.verdict_on(event.kind, event.subject, stored.status_time) if is_held else None,
            is_rightful=stored.binding is not None and self.recorder.is_rightful(event, stored.binding),
            incremental=self._incremental,
        )
        match answer(reason, stored, circumstances):
            case Apply(state, approved, aside):
                intend = self._intend(work)
                formerly = stored.binding
                attempt = Attempt(
                    *(event.kind, event.subject, state, intend), approved=approved, aside=aside, formerly=formerly
                )
                return await self._apply(work, attempt)
            case Settle(state, verdict):
                return await self._settle(work, state, verdict)
            case WriteAgain():
                written = await self.recorder.record(event, work.original.partition, stored)
                self._stale_writes.note((event.kind, event.subject), stored.writer, written.writer)
                return Outcome.UNCHANGED, None, []
            case Forget():
                await self.recorder.forget(event)
                return Outcome.UNCHANGED, None, []
            case Ignore():
                return Outcome.SUPERSEDED, None, []

    async def _settle(self, work: _Work, state: State, verdict: Verdict) -> tuple[Outcome, Verdict, list[str]]:
        """Write a state down that is decided without the directory."""
        await self.recorder.record(work.event, work.original.partition, _judged(state, verdict, work.stored))
        return _OUTCOMES[verdict.status], verdict, []

    async def _apply(self, work: _Work, attempt: Attempt) -> tuple[Outcome, Verdict, list[str]]:
        event, stored = work.event, work.stored
        async with attempt.until_recorded:
            try:
                verdict = await self._until_done(lambda: self._applier.apply(attempt))
                if attempt.changes:
                    self._gate.note_success()
            except Permanent as exc:
                verdict = Verdict(Status.DEAD_LETTERED, exc.reason.value)
                if is_news(event, verdict, stored):
                    self._brake(event, exc)
                    await self._refusals.refuse(event.kind, work.original, exc, event)
            await self._settle_password(work, attempt, verdict)
            after = _judged(attempt.state, verdict, stored)
            if not isinstance(event.payload, Redrive) or after != stored:
                written = await self.recorder.record(event, work.original.partition, after)
                if verdict.removed:
                    await self.recorder.read_back(event, written)
                if attempt.has_adopted:
                    # Its former owner may have deleted it before it could know of us: see that it is still there.
                    self._hooks.adopted(event.kind, event.subject, work.original.partition, written.writer)
                if verdict.occupied is not None:
                    self._hooks.recheck((event.kind, event.subject), verdict.occupied)
            if verdict.stranger is not None:
                self._hooks.hindered((event.kind, event.subject), verdict.stranger)
        outcome = _OUTCOMES[verdict.status]
        if outcome is Outcome.APPLIED and not attempt.changes:
            outcome = Outcome.UNCHANGED
        return outcome, verdict, [change.describe() for change in attempt.changes]

    async def _settle_password(self, work: _Work, attempt: Attempt, verdict: Verdict) -> None:
        """Write the password; only that is refused then, and nothing else."""
        if not self._passwords.is_due(attempt, verdict):
            return
        attempt.state = _judged(attempt.state, verdict, work.stored)  # will be written down before the password is
        refusal = await self._until_done(lambda: self._passwords.settle(attempt, work.original))
        if refusal is not None:
            await self._refusals.refuse(work.event.kind, refusal.original, refusal.failure, work.event)

    def _intend(self, work: _Work) -> Callable[[State], Awaitable[State]]:
        return lambda state: self.recorder.record(work.event, work.original.partition, state)

    # -- failures ------------------------------------------------------------------------------------------------------

    async def _until_done(self, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Try for ever, with full jitter; whoever loses the partition meanwhile is cancelled here."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            await self._gate.opened()
            try:
                return await attempt()
            except Halting as exc:
                log.debug("halted", reason=exc.reason)
                await self._hooks.mended()
                wait = _FIRST_WAIT_SECONDS
            except Retryable as exc:
                self._metrics.retries.labels(exc.reason).inc()
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads the load, hides nothing
                wait = min(wait * 2, _LAST_WAIT_SECONDS)

    def _brake(self, event: Event, failure: Permanent) -> None:
        if self._gate.note_refusal(event.kind, event.subject, failure, self._control.position):
            log.error("brake", detail=self._gate.reasons["brake"])


def _is_dead(state: State) -> bool:
    return state.status is Status.DEAD_LETTERED


def is_news(event: Event, failure: Verdict, stored: State | None) -> bool:
    """Whether a failure is told and counts for the brake: not that of a redrive that fails as before.

    What a person retries is answered anew.
    """
    is_quiet = isinstance(event.payload, Redrive) and event.payload.reason is not RedriveReason.RETRY
    return not is_quiet or stored is None or (stored.status, stored.reason) != (failure.status, failure.reason)


def _judged(state: State, verdict: Verdict, stored: State | None) -> State:
    """The state with its outcome; its time moves only when the outcome is another one."""
    now = round(time() * 1000)
    same = stored is not None and (verdict.status, verdict.reason, verdict.awaited) == (
        stored.status,
        stored.reason,
        stored.awaited,
    )
    return replace(
        state,
        status=verdict.status,
        reason=verdict.reason,
        awaited=verdict.awaited,
        status_time=state.status_time if same else now,
        removed_at=now if verdict.removed else state.removed_at,
    )
