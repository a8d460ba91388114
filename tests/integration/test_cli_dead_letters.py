"""`ldapflow dead-letters` on a real broker; the test plays the worker."""

from pathlib import Path

import orjson
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.control import DeadLetterHandled
from schemas.errors import DeadLetterReason
from schemas.events import Kind
from schemas.states import Status
from streams.kafka import Received
from streams.sandbox.kafka import Kafka
from tests.support.deciding import Installation, account_state
from tests.support.program import lines

SECRET = "c0rrect-horse"  # noqa: S105 - to be found nowhere
EVENT = orjson.dumps(
    {"eventType": "ud:user:create", "bizData": {"userId": "a1", "username": "mei", "password": SECRET}}
)


@pytest.fixture
def installation(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Installation:
    return Installation(tmp_path, kafka, topic_prefix)


def last_event(made: Installation) -> Received:
    """The newest message on the accounts' partition 1."""
    return [one for one in made.messages(made.settings.topics.account_events) if one.partition == 1][-1]


def lose_events(made: Installation, kafka: Kafka, before: int) -> None:
    """Be Kafka's retention."""
    place = TopicPartition(made.settings.topics.account_events, 1, before)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for future in admin.delete_records([place]).values():
        future.result()


def test_the_list_can_be_filtered_by_reason_and_key(installation: Installation) -> None:
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    installation.write_dead_letter(event, DeadLetterReason.BAD_RDN)
    installation.write_dead_letter(installation.write_event(b"?", b"a2"), DeadLetterReason.NOT_JSON)
    offsets = {
        filters: [letter["offset"] for letter in installation.json("dead-letters", "list", *filters)]
        for filters in [(), ("--reason", "bad_rdn"), ("--key", "a2"), ("--key", "a2", "--reason", "bad_rdn")]
    }
    assert list(offsets.values()) == [[0, 1, 2], [1], [2], []]


def test_a_letter_says_what_happened_and_where(installation: Installation) -> None:
    event = installation.write_event(EVENT, attempt=2)
    installation.write_dead_letter(event)
    (letter,) = installation.json("dead-letters", "list")
    assert letter == {
        "partition": 0,
        "offset": 0,
        "reason": "missing_value",
        "detail": "no sn",
        "key": "a1",
        "done": None,
        "topic": event.topic,
        "originalPartition": 1,
        "originalOffset": event.offset,
        "time": event.time,
        "attempt": 2,
    }


def test_people_get_one_line_for_each(installation: Installation) -> None:
    """Whatever a stranger wrote into the key and the detail."""
    assert installation.run("dead-letters", "list").stdout == "no dead letters\n"
    event = installation.write_event(EVENT, b"a\x1b[2J\n")
    installation.write_dead_letter(event, DeadLetterReason.WRONG_KEY, "two\nlines")
    heading, row = lines(installation.run("dead-letters", "list").stdout)
    assert heading.split() == ["OFFSET", "TIME", "REASON", "TRY", "ID", "DONE", "DETAIL"]
    assert row.split()[2:] == ["wrong_key", "1", "a\\x1b[2J", "-", "two", "lines"]


def test_what_is_discarded_is_hidden_and_still_there(installation: Installation) -> None:
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    installation.write_dead_letter(event, DeadLetterReason.BAD_RDN)
    assert installation.run("dead-letters", "discard", "--all", "--reason", "bad_rdn").stdout == "discarded 1\n"
    assert [letter["offset"] for letter in installation.json("dead-letters", "list")] == [0]
    everything = installation.json("dead-letters", "list", "--all")
    assert [(letter["offset"], letter["done"]) for letter in everything] == [(0, None), (1, "discarded")]


@pytest.mark.parametrize("place", ["0", "0:0"])
def test_a_letter_is_shown_with_its_event_and_without_its_password(installation: Installation, place: str) -> None:
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    done = installation.run("dead-letters", "show", place)
    assert (done.returncode, SECRET in done.stdout) == (0, False)
    assert f"event: {event.topic} 1:{event.offset}, retained" in lines(done.stdout)
    assert "ldapflow-reason: missing_value" in lines(done.stdout)
    assert '"username": "mei"' in done.stdout


def test_an_event_that_was_too_large_is_shown_from_where_it_lies(installation: Installation) -> None:
    """The dead letter itself is empty."""
    installation.write_dead_letter(installation.write_event(EVENT), DeadLetterReason.TOO_LARGE)
    shown = installation.json("dead-letters", "show", "0")
    assert (shown["retained"], shown["value"]["bizData"]) == (True, {"userId": "a1", "username": "mei"})


def test_a_broken_event_with_a_password_is_not_shown(installation: Installation) -> None:
    installation.write_dead_letter(installation.write_event(EVENT[:-1]), DeadLetterReason.NOT_JSON)
    shown = installation.json("dead-letters", "show", "0")
    assert shown["value"] == f"{len(EVENT) - 1} bytes that are not JSON and speak of a password: not shown"


def test_a_state_that_is_dead_lettered_at_the_event_is_redriven(installation: Installation) -> None:
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    state = account_state("a1", Status.DEAD_LETTERED, received_time=event.time, writer=(3, 4))
    installation.write_states((Kind.ACCOUNT, "a1", state))
    (where,) = {one.partition for one in installation.messages(installation.settings.topics.account_states)}
    done = installation.run("dead-letters", "retry", "0")
    assert (done.returncode, done.stderr) == (0, "")
    (redrive,) = [
        one for one in installation.messages(installation.settings.topics.account_events) if one.value != EVENT
    ]
    body = {"id": "a1", "revision": [3, 4], "reason": "retry"}
    assert orjson.loads(redrive.value or b"") == {"eventType": "ldapflow:redrive", "bizData": body}
    assert (redrive.key, redrive.partition) == (b"a1", where)


def test_an_event_that_a_later_one_followed_is_published_again_as_it_was(installation: Installation) -> None:
    """To the same partition, with its key, its password and its headers, as the next attempt."""
    value = b'{"eventTime": 5, ' + EVENT[1:]
    event = installation.write_event(value, attempt=2)
    installation.write_dead_letter(event)
    installation.write_states((Kind.ACCOUNT, "a1", account_state("a1", Status.APPLIED)))
    assert installation.run("dead-letters", "retry", "0").returncode == 0
    again = last_event(installation)
    assert again.offset == event.offset + 1
    assert (again.key, again.value) == (event.key, value)
    assert dict(again.headers) == {"trace": b"x", "ldapflow-attempt": b"3"}


def test_an_event_without_a_time_keeps_that_of_its_first_message(installation: Installation) -> None:
    """The new message's time would make an old event the newest."""
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    assert installation.run("dead-letters", "retry", "0").returncode == 0
    again = last_event(installation)
    assert again.offset == event.offset + 1
    assert orjson.loads(again.value or b"") == {**orjson.loads(EVENT), "eventTime": event.time}


def test_an_event_without_a_state_and_without_a_key_is_published_again(installation: Installation) -> None:
    installation.write_dead_letter(installation.write_event(EVENT, None), DeadLetterReason.WRONG_KEY)
    assert installation.run("dead-letters", "retry", "0").returncode == 0
    assert (last_event(installation).offset, last_event(installation).key) == (1, None)


def test_what_was_retried_is_remembered(installation: Installation) -> None:
    installation.write_dead_letter(installation.write_event(EVENT))
    installation.run("dead-letters", "retry", "--all")
    assert installation.decisions() == [DeadLetterHandled(0, 0, retried=True)]
    assert installation.json("dead-letters", "list") == []


def test_an_event_that_is_gone_is_told_and_stays_in_the_list(installation: Installation, kafka: Kafka) -> None:
    """Others of the same command are retried."""
    gone, there = installation.write_event(EVENT), installation.write_event(EVENT)
    installation.write_dead_letter(gone)
    installation.write_dead_letter(there)
    lose_events(installation, kafka, there.offset)
    done = installation.run("dead-letters", "retry", "--all")
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith("0:0: the event is not retained any more")
    assert [letter["offset"] for letter in installation.json("dead-letters", "list")] == [0]


def test_a_dead_lettered_state_is_redriven_although_its_event_is_gone(installation: Installation, kafka: Kafka) -> None:
    event = installation.write_event(EVENT)
    installation.write_dead_letter(event)
    state = account_state("a1", Status.DEAD_LETTERED, reason="missing_value")
    installation.write_states((Kind.ACCOUNT, "a1", state))
    lose_events(installation, kafka, event.offset + 1)
    done = installation.run("dead-letters", "retry", "0")
    assert (done.returncode, done.stdout) == (0, "0:0 a1: its owner was asked to apply the state again\n")


@pytest.mark.parametrize("command", ["retry", "discard"])
def test_nothing_to_decide_is_said(installation: Installation, command: str) -> None:
    done = installation.run("dead-letters", command, "--all")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no dead letters\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("retry",), 2, "give OFFSET…, or --all"),
        (("retry", "0", "--all"), 2, "give OFFSET…, or --all"),
        (("discard", "0", "--reason", "bad_rdn"), 2, "give OFFSET…, or --all"),
        (("discard", "x"), 2, "'x' is no place of a dead letter"),
        (("retry", "7", "8"), 1, "no such dead letter: 7, 8"),
        (("show", "1:0"), 1, "no such dead letter: 1:0"),
    ],
)
def test_wrong_words_are_one_line(
    installation: Installation, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = installation.run("dead-letters", *arguments)
    (line,) = lines(done.stderr)
    assert done.returncode == code
    assert line.startswith(words)
