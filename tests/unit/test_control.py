"""What people decided: its bytes, and what holds of it."""

import pytest

from schemas.control import (
    Approval,
    DeadLetterHandled,
    Decided,
    Decision,
    Discard,
    Pause,
    PushRequest,
    Resume,
    ResyncNeeded,
    TopicIds,
)
from schemas.control_codec import decode_decision, encode_decision
from schemas.events import Kind
from streams.control import ControlView, command_id, view_of
from streams.kafka import Received

DECISIONS: list[Decision] = [
    Approval(Kind.ACCOUNT, frozenset({"a", "ü"}), 7),
    Approval(None, None, 0),
    Discard(Kind.ORGANIZATION, None, 7),
    Pause(),
    Resume(),
    DeadLetterHandled(0, 17, retried=True),
    DeadLetterHandled(0, 17, retried=False),
    PushRequest("push-1"),
    TopicIds({"idaas.accounts": "ü"}),
    ResyncNeeded("made anew"),
]


@pytest.mark.parametrize("decision", DECISIONS)
def test_a_decision_survives_its_bytes(decision: Decision) -> None:
    assert decode_decision(encode_decision(decision)) == decision


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"[]", b"{}", b'"pause"', b'{"command": "sing"}', b'{"topics": {"idaas.accounts": "x"}}']
)
def test_what_is_no_decision_of_ours_is_passed_over(value: bytes | None) -> None:
    """Newer versions and other records share the topic."""
    assert decode_decision(value) is None


@pytest.mark.parametrize(
    "value",
    [
        b'{"command": "approve", "kind": null, "before": 1}',
        b'{"command": "approve", "ids": null, "before": 1}',
        b'{"command": "approve", "kind": null, "ids": null}',
        b'{"command": "approve", "kind": "printer", "ids": null, "before": 1}',
        b'{"command": "discard", "kind": null, "ids": "a", "before": 1}',
        b'{"command": "discard", "kind": null, "ids": [1], "before": 1}',
        b'{"command": "dead_letter_retried", "partition": 0}',
        b'{"command": "dead_letter_retried", "partition": 0, "offset": true}',
        b'{"command": "push"}',
        b'{"command": "topic_ids"}',
        b'{"command": "topic_ids", "ids": {"idaas.accounts": null}}',
        b'{"command": "resync_needed"}',
    ],
)
def test_half_a_decision_decides_nothing(value: bytes) -> None:
    """A missing limit must not mean everything."""
    with pytest.raises(ValueError, match=r"is not|names|valid"):
        decode_decision(value)


def view(*decisions: Decision) -> ControlView:
    made = ControlView()
    for offset, decision in enumerate(decisions):
        made.take_in(Decided(offset, 1000 + offset, decision))
    return made


@pytest.mark.parametrize(
    ("decisions", "paused"),
    [
        ([], False),
        ([Pause()], True),
        ([Pause(), Resume()], False),
        ([Resume(), Pause()], True),
        ([Pause(), Approval(None, None, 1)], True),
    ],
)
def test_the_last_of_pause_and_resume_holds(decisions: list[Decision], *, paused: bool) -> None:
    assert view(*decisions).paused is paused


def test_the_last_resume_is_known_also_after_a_pause() -> None:
    """A brake that is older than it has ended."""
    last = view(Resume(), Resume(), Pause()).last_resume
    assert last == Decided(1, 1001, Resume())


ONE, EVERYONE = Approval(Kind.ACCOUNT, frozenset({"a"}), 10), Discard(None, None, 10)


@pytest.mark.parametrize(
    ("decisions", "kind", "identifier", "time", "verdict"),
    [
        ([], Kind.ACCOUNT, "a", 1, None),
        ([ONE], Kind.ACCOUNT, "a", 10, ONE),
        ([ONE], Kind.ACCOUNT, "a", 11, None),  # held after somebody looked
        ([ONE], Kind.ACCOUNT, "b", 10, None),
        ([ONE], Kind.ORGANIZATION, "a", 10, None),
        ([EVERYONE], Kind.ORGANIZATION, "x", 10, EVERYONE),
        ([ONE, EVERYONE], Kind.ACCOUNT, "a", 10, EVERYONE),
        ([EVERYONE, ONE], Kind.ACCOUNT, "a", 10, ONE),
        ([EVERYONE, Approval(None, None, 5)], Kind.ACCOUNT, "a", 10, EVERYONE),  # the later one does not speak of it
    ],
)
def test_the_last_decision_that_covers_a_state_holds(
    decisions: list[Decision], kind: Kind, identifier: str, time: int, verdict: Decision | None
) -> None:
    assert view(*decisions).verdict_on(kind, identifier, time) == verdict


def test_handled_dead_letters_are_remembered() -> None:
    handled = view(DeadLetterHandled(0, 1, retried=False), DeadLetterHandled(0, 1, retried=True)).handled_dead_letters
    assert handled == {(0, 1): DeadLetterHandled(0, 1, retried=True)}


def test_one_broken_message_hides_no_other() -> None:
    broken = b'{"command": "approve", "kind": null, "before": 1}'
    values = [broken, encode_decision(Pause()), b"?"]
    assert view_of(Received("control", 0, n, 1, b"k", value) for n, value in enumerate(values)).paused


@pytest.mark.parametrize(
    ("decisions", "needed"),
    [
        ([], False),
        ([TopicIds({})], False),
        ([TopicIds({}), ResyncNeeded("lost")], True),
        ([TopicIds({}), ResyncNeeded("lost"), Pause()], True),
        ([ResyncNeeded("lost"), TopicIds({})], False),
        ([ResyncNeeded("lost"), TopicIds({}), ResyncNeeded("lost again")], True),
    ],
)
def test_a_resync_is_needed_until_the_topics_are_recorded_after_it(decisions: list[Decision], *, needed: bool) -> None:
    """Whoever writes the ids down says that the states are whole again."""
    assert (view(*decisions).resync_needed is not None) == needed


def test_topic_ids_stay_known_while_a_resync_is_needed() -> None:
    """The next worker must still find out which topic is another one."""
    assert view(TopicIds({"idaas.accounts": "1"}), ResyncNeeded("lost")).topic_ids == {"idaas.accounts": "1"}


def test_only_what_is_known_of_the_topics_replaces_its_forerunner_when_the_topic_is_compacted() -> None:
    """Each sort for itself; every decision of a person stays."""
    keys = {command_id(decision) for decision in [*DECISIONS, *DECISIONS]}
    assert len(keys) == 2 * len(DECISIONS) - 2


def test_how_far_it_is_known_is_the_offset_of_the_last_decision() -> None:
    """Whatever was decided; before the first there is none."""
    known = ControlView()
    positions = [known.position]
    for offset in (3, 8):
        known.take_in(Decided(offset, 0, Pause()))
        positions.append(known.position)
    assert positions == [-1, 3, 8]
