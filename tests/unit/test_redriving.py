"""Redrives reach the partition of the state, each once."""

import asyncio
import gc
from collections.abc import Callable
from time import process_time

import orjson
import pytest
from structlog.testing import capture_logs

from schemas.errors import CommandFailed, Retryable
from schemas.events import Kind, RedriveReason
from streams.kafka.publisher import Headers
from streams.settings import Settings
from streams.worker.watching import redriving
from streams.worker.watching.redriving import Redriver
from tests.support.configuration import SMALLEST, load

__all__ = ["load"]  # the fixture

RELEASE, CYCLE = RedriveReason.RELEASE, RedriveReason.CYCLE


class Broker:
    """Stands where Kafka is.

    Attributes:
        sent: topic, key, value and partition of each message that it has.
        failures: raised instead, one after the other.
        late: raised once something was sent.
        asked: how many tries there were.
        is_open: while it is not, nobody gets an answer.
    """

    def __init__(self, *failures: Exception) -> None:
        self.sent: list[tuple[str, bytes | None, bytes | None, int | None]] = []
        self.failures = list(failures)
        self.late: Exception | None = None
        self.asked = 0
        self.is_open = asyncio.Event()
        self.is_open.set()

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """As `Publisher.send`."""
        self.asked += 1
        await self.is_open.wait()
        if headers:
            raise ValueError(headers)
        if self.failures:
            raise self.failures.pop(0)
        if self.late is not None and self.sent:
            late, self.late = self.late, None
            raise late
        self.sent.append((topic, key, value, partition))
        return len(self.sent)


@pytest.fixture
def settings(load: Callable[..., Settings]) -> Settings:
    return load(SMALLEST)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the time is, in seconds; to be changed."""
    now = [1000.0]
    monkeypatch.setattr(redriving, "monotonic", lambda: now[0])
    return now


async def rest() -> None:
    """Let everybody do what can be done now."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_redrive_is_an_event_in_the_partition_that_holds_the_state(settings: Settings) -> None:
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        redriver.ask(Kind.ORGANIZATION, "o", 0, (1, 1), CYCLE)
        await rest()
    (account, organization), topics = broker.sent, settings.topics
    assert (account[0], account[1], account[3]) == (topics.account_events, b"a", 4)
    assert orjson.loads(account[2] or b"") == {
        "eventType": "ldapflow:redrive",
        "bizData": {"id": "a", "revision": [2, 3], "reason": "release"},
    }
    assert (organization[0], organization[1], organization[3]) == (topics.organization_events, b"o", 0)


async def test_the_same_is_asked_once(settings: Settings) -> None:
    """However often the view, a sweep and the record ask, while it is under way and after; no storms."""
    broker = Broker()
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        for _ in range(3):
            redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        broker.is_open.set()
        await rest()
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
    assert len(broker.sent) == 1


async def test_another_revision_reason_or_entity_is_another_redrive(settings: Settings) -> None:
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 4), RELEASE)
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), CYCLE)
        redriver.ask(Kind.ACCOUNT, "b", 4, (2, 3), RELEASE)
        redriver.ask(Kind.ORGANIZATION, "a", 4, (2, 3), RELEASE)
        await rest()
    assert len(broker.sent) == 5


async def test_once_it_is_being_handled_it_may_be_asked_again(settings: Settings) -> None:
    """What happens from then on may need another look."""
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        for _ in range(2):
            redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
            await rest()
            redriver.handled(Kind.ACCOUNT, "a", (2, 3), RELEASE)
    assert len(broker.sent) == 2


@pytest.mark.parametrize(("after", "count"), [(19, 1), (21, 2)])
async def test_what_was_not_handled_for_a_while_is_asked_again(
    settings: Settings, clock: list[float], after: float, count: int
) -> None:
    """Its partition may have been taken away before: the next sweep must come through."""
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
        clock[0] += after
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
    assert len(broker.sent) == count


async def test_what_nobody_handles_is_asked_more_and_more_seldom(settings: Settings, clock: list[float]) -> None:
    """Writing may be paused for hours while every sweep asks for the same; the topic must not grow with each."""
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        for _ in range(120):  # an hour
            redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
            await rest()
            clock[0] += 30
    assert len(broker.sent) == 8


async def test_after_partitions_were_taken_away_everything_may_be_asked_again(settings: Settings) -> None:
    """Somebody else may have handled it, so that nobody tells us of it."""
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        for _ in range(2):
            redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
            await rest()
            redriver.forget_sent()
    assert len(broker.sent) == 2


async def test_many_that_were_not_handled_for_a_while_cost_no_long_turn(settings: Settings, clock: list[float]) -> None:
    """They are forgotten little by little, and may all be asked again."""
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        for number in range(50_000):
            redriver.ask(Kind.ACCOUNT, f"a{number}", 4, (2, 3), RELEASE)
        await rest()
        clock[0] += 3601
        gc.collect()  # not while the time is taken
        began = process_time()
        redriver.ask(Kind.ACCOUNT, "a49999", 4, (2, 3), RELEASE)
        assert process_time() - began < 0.005
        await rest()
    assert len(broker.sent) == 50_001


async def test_it_is_tried_until_kafka_has_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redriving, "_RETRY_SECONDS", (0.0, 0.0))
    broker = Broker(Retryable("kafka_timeout"), CommandFailed("no such topic"))
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
    assert len(broker.sent) == 1


async def test_no_more_than_so_many_are_under_way(settings: Settings) -> None:
    """Kafka's client has room for a hundred thousand messages; the rest waits with us."""
    broker = Broker()
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        for number in range(3 * redriving.SENDERS):
            redriver.ask(Kind.ACCOUNT, f"a{number}", 4, (2, 3), RELEASE)
        await rest()
        assert broker.asked == redriving.SENDERS
        broker.is_open.set()
        await rest()
    assert len(broker.sent) == 3 * redriving.SENDERS


async def test_an_outage_is_told_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it begins, with how many wait, and where the last of those that were delayed has been sent."""
    monkeypatch.setattr(redriving, "_RETRY_SECONDS", (0.0, 0.0))
    broker = Broker(*(Retryable("kafka_unavailable", "away") for _ in range(7)))
    with capture_logs() as logs:
        async with Redriver(settings, broker) as redriver:
            for number in range(5):
                redriver.ask(Kind.ACCOUNT, f"a{number}", 4, (2, 3), RELEASE)
            await rest()
    assert len(broker.sent) == 5
    assert [(one["event"], one["log_level"]) for one in logs] == [
        ("redrives_delayed", "warning"),
        ("redrives_sent_again", "info"),
    ]
    assert (logs[0]["waiting"], logs[1]["delayed"]) == (5, 5)


async def test_one_whose_acknowledgement_was_lost_is_not_sent_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is being handled: it has arrived."""
    monkeypatch.setattr(redriving, "_RETRY_SECONDS", (0.0, 0.0))
    broker = Broker(Retryable("kafka_unavailable"))
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
        redriver.handled(Kind.ACCOUNT, "a", (2, 3), RELEASE)
        broker.is_open.set()
        await rest()
    assert broker.sent == []


async def test_what_is_asked_while_the_same_is_handled_is_sent_though_its_first_try_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The acknowledgement of the one that is handled comes between: it must not pass for the second's."""
    monkeypatch.setattr(redriving, "_RETRY_SECONDS", (0.0, 0.0))
    broker = Broker()
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
        redriver.handled(Kind.ACCOUNT, "a", (2, 3), RELEASE)
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
        broker.late = Retryable("kafka_unavailable")  # for the second of both answers
        broker.is_open.set()
        await rest()
    assert len(broker.sent) == 2


async def test_its_end_does_not_wait_for_kafka(settings: Settings) -> None:
    broker = Broker()
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        redriver.ask(Kind.ACCOUNT, "a", 4, (2, 3), RELEASE)
        await rest()
    assert broker.sent == []


async def test_many_at_once_cost_no_more_than_few(settings: Settings) -> None:
    """A big organization got its entry, and everybody in it is released in one moment."""
    began = process_time()
    broker = Broker()
    async with Redriver(settings, broker) as redriver:
        for number in range(30_000):
            redriver.ask(Kind.ACCOUNT, f"a{number}", 4, (2, 3), RELEASE)
        await rest()
    assert len(broker.sent) == 30_000
    assert process_time() - began < 5


async def test_what_is_asked_while_all_senders_end_is_sent(settings: Settings) -> None:
    """Answers come in one turn of the loop: who asks in that turn must not count on senders that have just ended."""
    broker = Broker()
    broker.is_open.clear()
    async with Redriver(settings, broker) as redriver:
        for number in range(redriving.SENDERS):
            redriver.ask(Kind.ACCOUNT, f"a{number}", 1, (1, 1), RELEASE)
        await asyncio.sleep(0)

        async def ask_late() -> None:
            await broker.is_open.wait()
            redriver.ask(Kind.ACCOUNT, "late", 1, (1, 1), RELEASE)

        late = asyncio.create_task(ask_late())
        await asyncio.sleep(0)
        broker.is_open.set()
        await late
        for _ in range(5):
            await asyncio.sleep(0)
    assert [key for _, key, _, _ in broker.sent].count(b"late") == 1
