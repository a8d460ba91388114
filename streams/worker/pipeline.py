"""The life of one event: decode, fold, apply, record (design section 4)."""

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from time import monotonic, time
from typing import Any, Final, TypeVar

import structlog
from faust.types import EventT

from processors.folding import Stale, fold
from schemas.codec import decode_event
from schemas.errors import Halting, InvalidEvent, Permanent, Retryable
from schemas.events import ConnectivityTest, Event, Kind, PushMark, Redrive
from schemas.state_codec import decode_state, encode_state
from schemas.states import State, Status
from streams.dead_letters import Original
from streams.metrics import Metrics, Outcome
from streams.worker.applying import Applier, Verdict
from streams.worker.state_view import StateView, seen_of

log = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS: Final = 0.1
_LAST_WAIT_SECONDS: Final = 10.0
_OUTCOMES: Final = {
    Status.PENDING: Outcome.PENDING,
    Status.WAITING: Outcome.WAITING,
    Status.HELD: Outcome.HELD,
    Status.DEAD_LETTERED: Outcome.DEAD_LETTERED,
    Status.OUT_OF_SCOPE: Outcome.OUT_OF_SCOPE,
}

_Result = TypeVar("_Result")


@dataclass(slots=True)
class Tables:
    """The Faust table of each kind: id in UTF-8 to the state's JSON."""

    of: dict[Kind, MutableMapping[bytes, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guards:
    """What the consumer must say before and during an event.

    Attributes:
        generation: of the consumer group, as of now.
        leave_if_frozen: ends the process if it stood still too long.
        mended: waits until the directory can be used again.
    """

    generation: Callable[[], int]
    leave_if_frozen: Callable[[], None]
    mended: Callable[[], Awaitable[None]]


class Pipeline:
    """Handles events; one of each key at a time, as `Lanes` runs it.

    Args:
        dead_letter: writes one, and returns when Kafka has it.
        max_event_bytes: a longer event is a dead letter.
    """

    def __init__(
        self,
        tables: Tables,
        view: StateView,
        applier: Applier,
        dead_letter: Callable[[Original, Permanent], Awaitable[None]],
        guards: Guards,
        metrics: Metrics,
        max_event_bytes: int,
    ) -> None:
        self._tables = tables
        self._view = view
        self._applier = applier
        self._dead_letter = dead_letter
        self._guards = guards
        self._metrics = metrics
        self._max_event_bytes = max_event_bytes

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
        timestamp = round(message.timestamp * 1000)
        started = monotonic()
        try:
            event = decode_event(kind, original.key, original.value, timestamp, self._max_event_bytes)
        except InvalidEvent as exc:
            await self._refuse(kind, original, exc)
            self._count(kind, Outcome.DEAD_LETTERED)
            return
        outcome, verdict = await self._take(event, original)
        self._count(kind, outcome)
        self._metrics.event_latency.observe(max(0.0, time() - message.timestamp))
        self._tell(event, original, outcome, verdict, monotonic() - started)

    async def _take(self, event: Event, original: Original) -> tuple[Outcome, Verdict | None]:
        match event.payload:
            case ConnectivityTest():
                return Outcome.TEST, None
            case PushMark():
                return Outcome.UNCHANGED, None
            case Redrive(revision, _):
                stored = self._stored(event)
                if stored is None or stored.writer != revision:
                    return Outcome.SUPERSEDED, None
                return await self._apply(event, original, stored, stored)
            case _:
                stored = self._stored(event)
                folding = fold(stored, event)
                if isinstance(folding, Stale):
                    if folding.state != stored:
                        self._record(event, original, folding.state, stored)
                    return Outcome.STALE, None
                return await self._apply(event, original, stored, folding.state)

    async def _apply(
        self, event: Event, original: Original, stored: State | None, state: State
    ) -> tuple[Outcome, Verdict]:
        try:
            verdict = await self._until_done(lambda: self._applier.apply(event.kind, event.subject, state))
        except Permanent as exc:
            reason = exc.reason.value
            verdict = Verdict(Status.DEAD_LETTERED, reason, binding=state.binding)
            as_before = isinstance(event.payload, Redrive) and _verdict_of(state) == (reason, Status.DEAD_LETTERED)
            if not as_before:
                await self._refuse(event.kind, original, exc)
        now = round(time() * 1000)
        changed = stored is None or (verdict.status, verdict.reason, verdict.awaited) != (
            stored.status,
            stored.reason,
            stored.awaited,
        )
        after = replace(
            state,
            status=verdict.status,
            reason=verdict.reason,
            awaited=verdict.awaited,
            binding=verdict.binding,
            status_time=now if changed else state.status_time,
            removed_at=now if verdict.removed else state.removed_at,
        )
        if not (isinstance(event.payload, Redrive) and after == stored):
            self._record(event, original, after, stored)
        if verdict.status is Status.APPLIED:
            return (Outcome.APPLIED if verdict.changes else Outcome.UNCHANGED), verdict
        return _OUTCOMES[verdict.status], verdict

    def _stored(self, event: Event) -> State | None:
        value = self._tables.of[event.kind].get(event.subject.encode())
        return None if value is None else decode_state(event.kind, value)

    def _record(self, event: Event, original: Original, state: State, stored: State | None) -> None:
        """Write the state; from here on the event needs no more."""
        self._guards.leave_if_frozen()
        before = (0, 0) if stored is None else stored.writer
        state = replace(state, writer=(max(before[0], self._guards.generation()), before[1] + 1))
        self._tables.of[event.kind][event.subject.encode()] = encode_state(state)
        self._view.absorb(seen_of(event.kind, event.subject, original.partition, state, self._view.target))

    async def _until_done(self, attempt: Callable[[], Awaitable[_Result]]) -> _Result:
        """Try for ever, with full jitter; whoever loses the partition meanwhile is cancelled here."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                return await attempt()
            except Halting:
                await self._guards.mended()
                wait = _FIRST_WAIT_SECONDS
            except Retryable as exc:
                self._metrics.retries.labels(exc.reason).inc()
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311 - spreads the load, hides nothing
                wait = min(wait * 2, _LAST_WAIT_SECONDS)

    async def _refuse(self, kind: Kind, original: Original, failure: Permanent) -> None:
        await self._until_done(lambda: self._dead_letter(original, failure))
        self._metrics.dead_letters.labels(failure.reason.value).inc()
        log.error(
            "dead_letter",
            kind=kind.value,
            reason=failure.reason.value,
            detail=failure.detail,
            topic=original.topic,
            partition=original.partition,
            offset=original.offset,
        )

    def _count(self, kind: Kind, outcome: Outcome) -> None:
        self._metrics.events.labels(kind.value, outcome.value).inc()

    def _tell(
        self, event: Event, original: Original, outcome: Outcome, verdict: Verdict | None, seconds: float
    ) -> None:
        changes = [change.describe() for change in verdict.changes] if verdict is not None else []
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
            seconds=round(seconds, 4),
            reason=verdict.reason if verdict is not None else None,
            changes=changes,
        )


def _verdict_of(state: State) -> tuple[str | None, Status]:
    return state.reason, state.status
