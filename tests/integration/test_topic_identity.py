"""What `ldapflow topics create` remembers of the topics, on a real broker."""

from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.control import Decision, ResyncNeeded, TopicIds
from schemas.control_codec import encode_decision
from streams.control import ControlView, command_id, view_of
from streams.kafka import Message, create_topics, publish_all, read_to_end
from streams.sandbox.kafka import Kafka
from streams.settings import Settings, load_settings
from streams.topic_identity import present_ids, record_topic_ids
from tests.support.broker import make_anew
from tests.support.program import ldapflow, lines, write_configuration
from tests.support.topics import topic_names

Recorded = Callable[[], ControlView]


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
