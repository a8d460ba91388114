"""Decisions through a real control topic."""

import asyncio
from pathlib import Path

import pytest

from schemas.control import Approval, Decided, Pause, Resume
from streams.control import ControlReader, decide
from streams.kafka import Publisher, read_to_end
from streams.sandbox.kafka import Kafka
from streams.settings import Settings
from tests.support.deciding import Installation


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    return Installation(tmp_path, kafka, topic_prefix).settings


async def test_a_reader_begins_with_all_that_was_decided(settings: Settings) -> None:
    """A worker that starts while writing is paused must not write."""
    async with Publisher(settings) as publisher:
        await publisher.send(settings.topics.control, b"x", b'{"command": "from a newer version"}')
        offset = await decide(publisher, settings, Pause())
    async with ControlReader(settings) as reader:
        assert (offset, reader.view.paused) == (1, True)


async def test_listeners_hear_of_a_decision_within_seconds(settings: Settings) -> None:
    heard = asyncio.Event()
    async with ControlReader(settings) as reader, Publisher(settings) as publisher:
        reader.listen(heard.set)
        assert not heard.is_set()
        offset = await decide(publisher, settings, Resume())
        async with asyncio.timeout(5):
            await heard.wait()
        last = reader.view.last_resume
        assert last is not None
        assert last == Decided(offset, last.time, Resume())


async def test_equal_decisions_do_not_replace_each_other(settings: Settings) -> None:
    """The topic is compacted: each has a key of its own."""
    async with Publisher(settings) as publisher:
        for _ in range(2):
            await decide(publisher, settings, Approval(None, None, 5))
    keys = {message.key for message in read_to_end(settings, [settings.topics.control])}
    assert len(keys) == 2
