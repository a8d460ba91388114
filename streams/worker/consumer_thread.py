"""The thread in which Faust's consumer talks to Kafka, taught three things: heartbeats, seeking, failing commits."""

import logging
from collections.abc import Mapping
from time import monotonic
from typing import Final

from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

# Faust and mode tell of every start and stop at INFO; under their name they are quiet (streams/logs.py).
LOGGER: Final = logging.getLogger("faust.ldapflow")


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka; it also remembers when the group coordinator last answered."""

    logger = LOGGER

    last_heartbeat: float = 0.0

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

    async def rewind(self, wanted: Mapping[TP, int | None]) -> dict[TP, tuple[int, int | None]]:
        """Seek to the given offsets (None: to the committed one); partitions that are gone are left out.

        Returns:
            For each partition the offset sought to, and the committed offset if it had to be asked for.
        """
        consumer = self._ensure_consumer()
        start = {}
        for tp, offset in wanted.items():
            partition = driver.ensure_aiokafka_TP(tp)
            if partition not in consumer.assignment():
                continue
            committed = await consumer.committed(partition) if offset is None else None
            target = offset if offset is not None else committed or 0
            consumer.seek(partition, target)  # below the log's start: aiokafka goes to the earliest by itself
            start[tp] = (target, committed)
        return start

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        # Faust ends the worker when a commit fails. It need not: what is not committed is read again.
        consumer = self._ensure_consumer()
        assignment = self.assignment()
        try:
            await consumer.commit(
                {
                    driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(o, "")
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
