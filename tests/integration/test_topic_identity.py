"""What `ldapflow topics create` and workers remember of the topics, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from schemas.control import Decision, Pause, ResyncNeeded, TopicIds
from schemas.control_codec import encode_decision
from streams.control import ControlReader, ControlView, command_id, decide, view_of
from streams.kafka import Message, Publisher, create_topics, publish_all, read_to_end
from streams.sandbox.kafka import Kafka
from streams.settings import Settings, load_settings
from streams.topic_identity import present_ids, record_topic_ids
from streams.worker.delivery.resuming import Loss
from streams.worker.resync import Resync, TopicsMadeAnew
from tests.support.broker import make_anew
from tests.support.program import ldapflow, lines, write_configuration
from tests.support.topics import topic_names


@pytest.fixture
def settings(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Settings:
    """Topics that exist, and were not recorded."""
    kafka_section = {"bootstrap_servers": kafka.bootstrap_servers, "topics": topic_names(topic_prefix)}
    made = load_settings(write_configuration(tmp_path, kafka={**kafka_section, "account_partitions": 3}), {})
    create_topics(made)
    return made


def recorded(settings: Settings) -> ControlView:
    return view_of(read_to_end(settings, [settings.topics.control]))


def decide_now(settings: Settings, decision: Decision) -> None:
    message = Message(settings.topics.control, command_id(decision), encode_decision(decision))
    publish_all(settings, [message], lambda _: None)


def test_the_ids_of_all_topics_are_recorded_once(settings: Settings) -> None:
    """What is known already is not written again: it would end a `ResyncNeeded` that nobody has dealt with."""
    assert [record_topic_ids(settings), record_topic_ids(settings)] == [(), ()]
    assert len(list(read_to_end(settings, [settings.topics.control]))) == 1
    assert recorded(settings).topic_ids == present_ids(settings)
    assert set(present_ids(settings)) == set(settings.topics.all)


def test_an_input_topic_with_another_id_is_told_and_not_recorded(settings: Settings, tmp_path: Path) -> None:
    """By the command, with what is to be done."""
    topic = settings.topics.account_events
    record_topic_ids(settings)
    before = recorded(settings).topic_ids
    make_anew(settings, topic)
    said = ldapflow("topics", "create", folder=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    assert lines(said.stdout)[-1] == (
        f"{topic}: advice: was made anew, what it held is gone: publish a full push (`ldapflow publish --push`), then"
        " run `ldapflow verify`"
    )
    assert recorded(settings).topic_ids == before


def test_a_topic_from_which_no_state_comes_is_told_and_recorded(settings: Settings) -> None:
    """No full push brings dead letters back."""
    topic = settings.topics.dead_letters
    record_topic_ids(settings)
    make_anew(settings, topic)
    assert [report.name for report in record_topic_ids(settings)] == [topic]
    assert recorded(settings).topic_ids == present_ids(settings)
    assert record_topic_ids(settings) == ()


def test_recording_does_not_end_a_resync(settings: Settings) -> None:
    """Also when there is a new topic to record: a complete full push alone does."""
    decide_now(settings, TopicIds({settings.topics.control: present_ids(settings)[settings.topics.control]}))
    decide_now(settings, ResyncNeeded("lost"))
    assert record_topic_ids(settings) == ()
    assert recorded(settings).resync_needed is not None


# -- workers -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def starting_worker(
    settings: Settings, publisher: Publisher | None = None
) -> AsyncIterator[tuple[Resync, ControlReader]]:
    """The part of a worker that looks at the topics, and what the control topic tells it."""
    async with AsyncExitStack() as stack:
        if publisher is None:
            publisher = await stack.enter_async_context(Publisher(settings))
        control = await stack.enter_async_context(ControlReader(settings))
        yield await stack.enter_async_context(Resync(settings, publisher, control)), control


async def until_written(control: ControlReader, text: str) -> None:
    """Wait until the control topic asks for a full push, with that among the reasons."""
    changed = asyncio.Event()
    control.listen(changed.set)
    async with asyncio.timeout(10):
        while text not in str(control.view.resync_needed):
            await changed.wait()
            changed.clear()


async def test_a_worker_finds_its_topics_as_they_were_recorded(settings: Settings) -> None:
    """Or were never recorded: nothing is asked for."""
    async with starting_worker(settings) as (resync, _):
        assert resync.reason is None
    record_topic_ids(settings)
    async with starting_worker(settings) as (resync, _):
        assert (resync.reason, resync.lost_states) == (None, False)


async def test_a_topic_made_anew_is_written_down_once(settings: Settings) -> None:
    """A later worker finds the same; it must not look like another loss, after the push that makes up for the first."""
    topic = settings.topics.account_states
    record_topic_ids(settings)
    make_anew(settings, topic)
    async with starting_worker(settings) as (resync, control):
        assert resync.lost_states
        await until_written(control, topic)
    async with Publisher(settings) as publisher, starting_worker(settings, publisher) as (resync, _):
        assert str(resync.reason).startswith(f"topic {topic} was made anew (")
        await asyncio.sleep(0)  # if it wrote anything, that went before this
        await decide(publisher, settings, Pause())
    assert len(list(read_to_end(settings, [settings.topics.control]))) == 3


async def test_the_reasons_for_a_full_push_add_up(settings: Settings) -> None:
    """Of one worker, and of one after the other."""
    async with starting_worker(settings) as (resync, control):
        resync.note("one", Loss.CUT_OFF)
        resync.note("two", Loss.CUT_OFF)
        await until_written(control, "topic one ends before what was read of it; topic two ends")
    async with starting_worker(settings) as (resync, control):
        resync.note("three", Loss.CUT_OFF)
        await until_written(control, "topic two ends before what was read of it; topic three ends")


async def test_offsets_depend_on_the_topic_and_on_that_of_its_states(settings: Settings) -> None:
    """Those that were read up to an offset are of no use without the states that were made of them."""
    topics = settings.topics
    async with starting_worker(settings) as (resync, _):
        before = resync.origins
    make_anew(settings, topics.account_states)
    async with starting_worker(settings) as (resync, _):
        after = resync.origins
    assert before.keys() == after.keys() == {topics.organization_events, topics.account_events}
    assert before[topics.account_events] != after[topics.account_events]
    assert before[topics.organization_events] == after[topics.organization_events]


async def test_a_topic_that_is_made_anew_under_a_worker_ends_it(settings: Settings) -> None:
    """What it has in memory belongs to the former one."""
    async with starting_worker(settings) as (resync, _):
        make_anew(settings, settings.topics.organization_states)
        with pytest.raises(TopicsMadeAnew, match=settings.topics.organization_states):
            async with asyncio.timeout(10):
                await resync.watch(0.1)
