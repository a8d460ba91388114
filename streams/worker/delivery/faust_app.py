"""The Faust application: stock Faust with our delivery, and the settings that were tested with it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import faust
from faust.sensors import Sensor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.utils.objects import cached_property
from mode.utils.queues import FlowControlEvent

from streams.worker.delivery.consumer_thread import LOGGER
from streams.worker.delivery.ordered_consumer import OrderedConsumer
from streams.worker.delivery.resuming import Loss, Origin
from streams.worker.states.stores import StateStoreName


class Transport(driver.Transport):
    """Makes our consumer instead of Faust's."""

    Consumer = OrderedConsumer


class FlowControl(FlowControlEvent):
    """The one place where Faust throws delivered events away; the consumer must know."""

    app: "WorkerApp"

    def clear(self) -> None:
        """Empty the agents' queues."""
        super().clear()
        consumer = self.app.ordered_consumer
        if consumer is not None:
            consumer.forget()


class SendErrors(Sensor):
    """Faust only logs a write that Kafka refused; here it ends the worker before the next commit."""

    logger = LOGGER

    def __init__(self, app: "WorkerApp") -> None:
        self.app = app
        self.crashing: asyncio.Future[None] | None = None
        super().__init__()

    def on_send_error(self, producer: Any, exc: BaseException, state: Any) -> None:  # noqa: ARG002 - Faust's signature
        """End the worker."""
        consumer = self.app.ordered_consumer
        if consumer is not None:
            consumer.send_failed = True
        self.crashing = asyncio.ensure_future(self.app.crash(exc))


class WorkerApp(faust.App):
    """A Faust app whose consumer never loses an event.

    Attributes:
        state_store: where the tables are kept.
        restoring: of each changelog, what takes over what was fetched of a partition.
        origins: see `ConsumerThread`; set before the start.
        on_loss: told of which topic something was lost, and how.
    """

    logger = LOGGER

    def __init__(self, *args: Any, state_store: StateStoreName, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.state_store: StateStoreName = state_store
        self.restoring: dict[str, Callable[[int, Sequence[Any]], None]] = {}
        self.origins: Mapping[str, Origin] = {}
        self.on_loss: Callable[[str, Loss], None] = lambda _, __: None
        self.sensors.add(SendErrors(self))

    @property
    def ordered_consumer(self) -> OrderedConsumer | None:
        """The consumer, once Faust has made it."""
        consumer = self._consumer
        return consumer if isinstance(consumer, OrderedConsumer) else None

    async def maybe_start_producer(self) -> Any:
        """Give the producer, and start it if need be.

        Faust's own, which lets several start it at once, gives up four turns of the event loop for every message.
        """
        await self.producer.maybe_start()
        return self.producer

    def restore(self, fetched: dict[TP, list[Any]]) -> None:
        """Give what came of the tables to them, and leave the last of each: by it Faust knows how far they are."""
        for tp, records in fetched.items():
            if tp.topic in self.restoring and records:
                self.restoring[tp.topic](tp.partition, records)
                fetched[tp] = records[-1:]

    def _create_directories(self) -> None:
        """Make none: the tables look after their own folders, and a killed worker would leave this one behind."""

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    @cached_property
    def flow_control(self) -> FlowControl:
        """Flow control that tells the consumer what it throws away."""
        control = FlowControl(loop=self.loop)
        control.app = self
        return control
