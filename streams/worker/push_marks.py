"""What the two marks of a full push say, written down where a verification looks for it (design section 6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from time import time

import structlog

from schemas.errors import CommandFailed, Retryable
from schemas.events import Event, PushMark
from schemas.jobs import FullPush
from schemas.jobs_codec import decode_job, encode_job
from streams.kafka import Cluster, Publisher, read_to_end
from streams.settings import Settings

log = structlog.get_logger(__name__)


class PushMarks:
    """Keeps the job record of each full push."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        self._settings = settings
        self._publisher = publisher

    async def note(self, event: Event, mark: PushMark) -> None:
        """Write down what a mark says; when this returns, Kafka has it.

        Raises:
            Retryable: Kafka does not answer.
        """
        try:
            known = await asyncio.to_thread(self._known, event.subject)
            ends = {} if mark.begins else await asyncio.to_thread(self._input_ends)
            push = noted(known, event, mark, ends, round(time() * 1000))
            if push != known:
                await self._publisher.send(self._settings.topics.jobs, push.id.encode(), encode_job(push))
        except CommandFailed as exc:
            log.warning("push_mark_delayed", push=event.subject, error=str(exc))
            raise Retryable("kafka_unavailable", str(exc)) from exc
        log.info("push_begins" if mark.begins else "push_ends", push=push.id)

    def _known(self, push_id: str) -> FullPush | None:
        topic = self._settings.topics.jobs
        values = [message.value for message in read_to_end(self._settings, [topic]) if message.identifier == push_id]
        try:
            job = decode_job(values[-1]) if values else None
        except ValueError as exc:
            log.error("job_unreadable", topic=topic, job=push_id, error=str(exc))  # noqa: TRY400 - its text is enough
            return None
        return job if isinstance(job, FullPush) else None

    def _input_ends(self) -> Mapping[tuple[str, int], int]:
        topics = self._settings.topics
        with Cluster(self._settings) as cluster:
            return cluster.end_offsets((topics.organization_events, topics.account_events))


def noted(
    known: FullPush | None, event: Event, mark: PushMark, input_ends: Mapping[tuple[str, int], int], now: int
) -> FullPush:
    """The record of a push after one of its marks, which may come again.

    Of numbers that differ the greater ones count: a push that brings less than it once said is not complete. A `begin`
    that is published again does not make the push younger, or it would sweep more. Its eventTime counts where that is
    earlier than its Kafka time: the records were taken before it was published, and lack who came in between. Ours
    counts where that is the earliest: under CreateTime both are the producer's, whose clock may be ahead.

    An `end` that is handled again keeps the ends of the first time: all events of the push lay before them, and later
    ones would only delay its judgement. One that is published again (it has another time) takes the ends of now, as the
    topics may have been made anew.

    Args:
        known: the record so far.
        event: the mark as it was delivered.
        mark: its payload.
        input_ends: for an `end`: (topic, partition) to the offset that the next event will get.
        now: milliseconds: the worker's clock.
    """
    push = known if known is not None else FullPush(event.subject, 0, 0, began=None)
    push = replace(
        push,
        organizations=max(push.organizations, mark.organizations),
        accounts=max(push.accounts, mark.accounts),
    )
    received = event.received_time
    if mark.begins:
        taken = min(received, event.time, now)
        return replace(push, began=taken if push.began is None else min(push.began, taken))
    if push.ended == received:
        return push
    return replace(push, ended=received, input_ends=dict(input_ends))
