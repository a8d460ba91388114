"""Reading a state again, from where the view has seen it, on a real broker."""

from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka.cimpl import NewTopic

from schemas.errors import Retryable
from schemas.events import Kind
from schemas.state_codec import encode_state
from schemas.states import State, Status
from streams.kafka import Cluster, Publisher
from streams.sandbox.kafka import Kafka
from streams.settings import Settings, load_settings
from streams.worker.states.state_reader import StateReader
from streams.worker.states.state_view import Seen, StateView, seen_of
from tests.support.broker import delete_records
from tests.support.program import write_configuration
from tests.support.redrives import TARGET
from tests.support.topics import topic_names

STATE = State(None, 1, 1, 1, Status.APPLIED, 1, (1, 1))


@pytest.fixture
async def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """A topic of this test alone, in which an account has a state at offset 0 of partition 0, and another one at 1.

    It is not compacted: Kafka would let nobody delete by hand, and takes minutes to do it itself.
    """
    topics = topic_names(topic_prefix)
    path = write_configuration(tmp_path, kafka={"bootstrap_servers": kafka.bootstrap_servers, "topics": topics})
    settings = load_settings(path, {})
    with Cluster(settings) as cluster:
        assert not any(cluster.create([NewTopic(settings.topics.account_states, 1, 1)]).values())
    async with Publisher(settings) as publisher:
        for identifier in ("a", "b"):
            key = identifier.encode()
            await publisher.send(settings.topics.account_states, key, encode_state(STATE), partition=0)
    return settings


def seen(offset: int, state: State = STATE) -> Seen:
    """What a view knows of the first account."""
    return seen_of(Kind.ACCOUNT, "a", 0, state, TARGET, offset)


def reader(settings: Settings) -> StateReader:
    return StateReader(settings, StateView(TARGET))


async def test_a_state_is_read_from_where_it_lies_until_it_is_deleted(settings: Settings) -> None:
    """Then it is gone for good, which is no failure."""
    assert await reader(settings).read_again(seen(0)) == STATE
    delete_records(settings, settings.topics.account_states, {0: 1})
    assert await reader(settings).read_again(seen(0)) is None


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(seen(1), id="another entity's"),
        pytest.param(seen(0, replace(STATE, writer=(1, 2))), id="another revision"),
        pytest.param(seen(2), id="beyond the end"),
    ],
)
async def test_a_log_that_is_not_the_one_that_was_read_is_not_believed(settings: Settings, known: Seen) -> None:
    """The state may be there: who reads it again in a moment will see."""
    with pytest.raises(Retryable) as caught:
        await reader(settings).read_again(known)
    assert caught.value.reason == "state_unread"
