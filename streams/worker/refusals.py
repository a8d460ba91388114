"""Puts what can never succeed aside, and says so."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Final

import structlog

from schemas.errors import Permanent, Retryable
from schemas.events import Event, Kind
from streams.dead_letters import Original
from streams.metrics import Metrics

log = structlog.get_logger(__name__)

_WAIT_SECONDS: Final = 0.1


class Refusals:
    """Writes dead letters.

    Args:
        send: writes one, and returns when Kafka has it.
        was_told: whether an event was done before, and is a dead letter already if it can never succeed.
        metrics: count them.
    """

    def __init__(
        self,
        send: Callable[[Original, Permanent], Awaitable[None]],
        was_told: Callable[[Original], bool],
        metrics: Metrics,
    ) -> None:
        self._send = send
        self._was_told = was_told
        self._metrics = metrics

    async def refuse_once(self, kind: Kind, original: Original, failure: Permanent, event: Event | None) -> None:
        """Refuse an event for what it is itself, unless that was done when it came for the first time."""
        if not self._was_told(original):
            await self.refuse(kind, original, failure, event)

    async def refuse(self, kind: Kind, original: Original, failure: Permanent, event: Event | None) -> None:
        """Refuse an event; tries for ever to tell Kafka.

        Args:
            kind: of the topic on which it came.
            original: its message.
            failure: why.
            event: the event that is being handled; None when the message cannot be decoded.
        """
        while True:
            try:
                await self._send(original, failure)
                break
            except Retryable as exc:
                self._metrics.retries.labels(exc.reason).inc()
                await asyncio.sleep(_WAIT_SECONDS)
        self._metrics.dead_letters.labels(failure.reason.value).inc()
        log.error(
            "dead_letter",
            kind=kind.value,
            reason=failure.reason.value,
            detail=failure.detail,
            event_id=None if event is None else event.event_id,
            subject=None if event is None else event.subject,
            topic=original.topic,
            partition=original.partition,
            offset=original.offset,
            seconds=round(monotonic() - original.started, 4),
        )
