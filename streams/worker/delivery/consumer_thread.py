"""The thread in which Faust's consumer talks to Kafka, taught three things: heartbeats, seeking, failing commits."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import Any, Final

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.delivery.resuming import Log, Origin, Start, start_of

# Faust and mode tell of every start and stop at INFO; under their name they are quiet (streams/logs.py).
LOGGER: Final = logging.getLogger("faust.ldapflow")


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka; it also remembers when the group coordinator last answered.

    Attributes:
        origins: which topic each input topic is.
        positions: of the partitions that were asked for last: the offset that is read next.
    """

    logger = LOGGER

    last_heartbeat: float = 0.0
    origins: Mapping[str, Origin] = MappingProxyType({})
    positions: Mapping[TP, int] = MappingProxyType({})

    async def on_start(self) -> None:
        """Start the client and watch its heartbeats."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - aiokafka gives no public hook
        beat = coordinator._do_heartbeat  # noqa: SLF001

        async def watched() -> bool:
            success: bool = await beat()
            if success:
                self.last_heartbeat = monotonic()
            return success

        coordinator._do_heartbeat = watched  # noqa: SLF001

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> Any:
        consumer = super()._create_consumer(loop)
        # What a producer took back is no event. Faust asks for that only when it writes in transactions itself.
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - read when it starts
        return consumer

    async def _fetch_records(self, consumer: Any, active_partitions: Any, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(consumer, active_partitions, *args, **kwargs)
        subscription = consumer._subscription.subscription  # noqa: SLF001 - the public `position` may wait
        assignment = None if subscription is None else subscription.assignment
        states = {} if assignment is None else {tp: assignment.state_value(tp) for tp in active_partitions or ()}
        self.positions = {
            TP(*tp): state.position for tp, state in states.items() if state is not None and state.has_valid_position
        }
        return fetched

    async def rewind(self, wanted: Mapping[TP, int | None]) -> dict[TP, Start]:
        """Seek to the given offsets (None: to the committed one); partitions that are gone are left out."""
        consumer = self._ensure_consumer()
        places = {tp: driver.ensure_aiokafka_TP(tp) for tp in wanted}
        places = {tp: place for tp, place in places.items() if place in consumer.assignment()}
        new = [place for tp, place in places.items() if wanted[tp] is None]
        # `committed` of aiokafka leaves out what was written beside the offset.
        committed = await consumer._coordinator.fetch_committed_offsets(new)  # noqa: SLF001 - as above
        logs = await self.logs(places)
        start = {}
        for tp, place in places.items():
            offset, log, known = wanted[tp], logs[tp], committed.get(place)
            if offset is not None:
                start[tp] = Start(max(offset, log.begin))
            elif known is None or known.offset < 0:
                start[tp] = start_of(None, "", log)
            else:
                start[tp] = start_of(known.offset, known.metadata, log)
            consumer.seek(place, start[tp].offset)
        return start

    async def logs(self, partitions: Iterable[TP]) -> dict[TP, Log]:
        """What Kafka has of some partitions."""
        consumer = self._ensure_consumer()
        places = {tp: driver.ensure_aiokafka_TP(tp) for tp in partitions}
        begins = await consumer.beginning_offsets(list(places.values()))
        ends = await consumer.end_offsets(list(places.values()))
        return {tp: Log(begins[at], ends[at], self.origins.get(tp.topic, Origin())) for tp, at in places.items()}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave out Faust's watch for streams that stand still: ours reads again (`stalls.py`).

        Faust's knows nothing of our commits, and after five minutes it tells of every partition of the state topics,
        which no stream reads, once a second.
        """

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust ends the worker when a commit fails. It need not: what is not committed is read again.
        consumer = self._ensure_consumer()
        assignment = self.assignment()
        try:
            await consumer.commit(
                {
                    driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(o, self.origins.get(tp.topic, Origin()).name)
                    for tp, o in offsets.items()
                    if tp in assignment
                }
            )
        except (CommitFailedError, IllegalStateError) as exc:
            self.log.info("commit refused, the group is rebalancing: %s", exc)
            return False
        except KafkaError as exc:
            self.log.warning("commit failed, it will be tried again: %r", exc)
            return False
        return True
