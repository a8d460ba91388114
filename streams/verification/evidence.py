"""What Kafka knows: the snapshot, and whether it tells all that the source holds (design section 6, steps 1 and 2)."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from processors.completeness import PRODUCER_CLOCK_MARGIN_MS, incompleteness, is_swept, last_push, sweeps
from schemas.control import ResyncNeeded
from schemas.events import ROOT_ORGANIZATION, Kind
from schemas.jobs import FullPush
from streams.control import ControlView, view_of
from streams.job_log import read_jobs
from streams.kafka import Cluster, read_to_end
from streams.settings import Settings
from streams.verification.snapshot import Snapshot
from streams.verification.workers import Workers

log = structlog.get_logger(__name__)

_KAFKAS_TIME: Final = "LogAppendTime"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verification rests on.

    Attributes:
        topic_ids: as Kafka has them now.
        by_kafkas_time: the times of the input topics' messages are Kafka's, not the producers'.
        push: the last one, if it is complete.
    """

    settings: Settings
    snapshot: Snapshot
    control: ControlView
    topic_ids: Mapping[str, str]
    by_kafkas_time: bool
    push: FullPush | None

    def doubts(self) -> Iterator[str]:
        """Say, each in a line for people, why the states may not tell all that the source holds."""
        resync = self.control.resync_needed
        if resync is not None:
            if not self._is_whole_since(resync.time) and isinstance(resync.decision, ResyncNeeded):
                yield f"{resync.decision.reason}: publish a full push that was taken since, then verify again"
            return
        topics, recorded = self.settings.topics, self.control.topic_ids or {}
        states = (topics.organization_states, topics.account_states)
        names = (topics.organization_events, topics.account_events, *states)
        anew = [name for name in names if name in recorded and self.topic_ids.get(name) != recorded[name]]
        if anew:
            yield f"{', '.join(anew)}: made anew: start a worker, publish a full push, then verify again"

    def swept(self) -> bytearray:
        """For each number of the snapshot, whether a complete push did not bring the entity; nobody without one."""
        push, snapshot = self.push, self.snapshot
        if push is None or any(self.doubts()):
            return bytearray(len(snapshot))
        margin = 0 if self.by_kafkas_time else PRODUCER_CLOCK_MARGIN_MS
        swept = snapshot.without_push(lambda carried, received: is_swept(carried, received, push, margin))
        for kept in (number for kind in Kind if not sweeps(push, kind) for number in snapshot.numbers(kind)):
            swept[kept] = False
        for identifier in (self.settings.sync.source_node, ROOT_ORGANIZATION):
            number = snapshot.number(Kind.ORGANIZATION, identifier)
            if number is not None:
                swept[number] = False  # they stand for the target node, pushed or not
        return swept

    def makes_whole(self, control: ControlView) -> bool:
        """Whether a complete push has made the states whole, and the topics' ids are to be recorded for that.

        Args:
            control: as it is now. What was found lost since the states were read is not made whole by their push.
        """
        resync = self.control.resync_needed
        if self.push is None or control.resync_needed != resync:
            return False
        return self.control.topic_ids is None or (resync is not None and self._is_whole_since(resync.time))

    def _is_whole_since(self, time: int) -> bool:
        return self.push is not None and self.push.began is not None and self.push.began >= time


async def gather_evidence(settings: Settings, workers: Workers, advance: Callable[[int], None]) -> Evidence:
    """Read the topics.

    Args:
        settings: the configuration.
        workers: the group.
        advance: is told, in another thread, of so many more states that were read.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    # The offsets first: so the states hold all that was done by then.
    committed = await workers.committed()
    snapshot = Snapshot(settings)
    await asyncio.to_thread(snapshot.read, advance)

    def read() -> Evidence:
        topics = settings.topics
        inputs = (topics.organization_events, topics.account_events)
        with Cluster(settings) as cluster:
            found, ids = cluster.topic_settings(inputs), cluster.topic_ids(topics.all)
        return Evidence(
            settings=settings,
            snapshot=snapshot,
            control=read_control(settings),
            topic_ids=ids,
            by_kafkas_time=all(found[topic].get("message.timestamp.type") == _KAFKAS_TIME for topic in inputs),
            push=_complete_push(settings, snapshot, committed),
        )

    return await asyncio.to_thread(read)


def read_control(settings: Settings) -> ControlView:
    """All decisions until now.

    Raises:
        CommandFailed: Kafka does not answer, or the topic is missing.
    """
    return view_of(read_to_end(settings, [settings.topics.control]))


def _complete_push(settings: Settings, snapshot: Snapshot, committed: Mapping[tuple[str, int], int]) -> FullPush | None:
    push = last_push(job for job in read_jobs(settings).all if isinstance(job, FullPush))
    if push is None:
        return None
    why = incompleteness(push, snapshot.carried(push.id), committed)
    if why is not None:
        log.info("push_incomplete", push=push.id, why=why)
        return None
    return push
