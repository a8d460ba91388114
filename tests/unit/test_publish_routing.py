"""Which lines `ldapflow publish` accepts, and where each event goes."""

import io
from typing import Any

import orjson
import pytest

from schemas.errors import CommandFailed, ConfigurationError, InvalidEvent
from schemas.events import Kind
from streams.publishing import Router, Survey, messages_of, taken_at
from streams.settings import TopicNames

NOW = 1_700_000_000_000
TOPICS = TopicNames.model_validate({"idaas.accounts": "hr.accounts"})
ROUTER = Router(TOPICS, max_event_bytes=10_000, now=NOW)
PREFIX = "urn:alibaba:idaas:app:event:"


def event(name: str, **body: Any) -> bytes:
    return orjson.dumps({"eventId": "e1", "eventType": name, "eventTime": str(NOW), "bizData": body})


def survey_of(*lines: bytes, router: Router = ROUTER) -> Survey:
    survey = Survey()
    survey.add("events.jsonl", io.BytesIO(b"\n".join(lines)), router, lambda _: None)
    return survey


ACCOUNT = event("ud:user:create", userId="user_a1", username="mei")
ORGANIZATION = event("ud:organizational_unit:create", organizationalUnitId="ou_rd", organizationalUnitName="R&D")


@pytest.mark.parametrize(
    ("line", "topic", "key"),
    [
        (ACCOUNT, "hr.accounts", b"user_a1"),
        (ORGANIZATION, "idaas.organizations", b"ou_rd"),
        (event(PREFIX + "ud:user:delete", userId="user_a1"), "hr.accounts", b"user_a1"),
        (
            event("ud:organizational_unit:add_user", organizationalUnitId="ou_rd", userId="user_a1"),
            "hr.accounts",
            b"user_a1",
        ),
        (event("ud:push:begin", pushId="p1", organizations=1, accounts=2), "idaas.organizations", b"p1"),
        (event("common:test"), "idaas.organizations", b"e1"),
    ],
)
def test_an_event_goes_to_the_topic_of_its_subject_with_its_key(line: bytes, topic: str, key: bytes) -> None:
    _, message = ROUTER.route(line)
    assert (message.topic, message.key, message.value) == (topic, key, line)


def test_biz_data_may_be_text_and_use_older_names() -> None:
    line = orjson.dumps(
        {"eventType": "ud:organizational_unit:push", "bizData": '{"organizationalUnitId":"ou_rd","name":"R&D"}'}
    )
    assert ROUTER.route(line)[1].key == b"ou_rd"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (event("ud:user:nope", userId="u"), "unknown_type"),
        (event("ud:user:create", username="mei"), "missing_id"),
        (orjson.dumps({"eventType": "ud:user:create", "bizData": {"userId": "u", "updateTime": -5}}), "bad_version"),
        (event("ud:user:create", userId="u", description="x" * 10_000), "too_large"),
        (event("ldapflow:redrive", id="u", revision=[1, 1], reason="retry"), "unknown_type"),
    ],
)
def test_what_a_worker_would_refuse_is_refused_before(line: bytes, reason: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        ROUTER.route(line)
    assert caught.value.reason == reason


def test_a_wrong_line_is_named_with_its_file_and_number() -> None:
    """Empty lines count, but are no events."""
    survey = survey_of(ACCOUNT, b"", b"nonsense", ORGANIZATION)
    with pytest.raises(CommandFailed) as caught:
        survey.raise_if_wrong()
    assert str(caught.value).startswith("events.jsonl:3: not_json: ")
    assert str(caught.value).endswith(": nothing was published")


def test_several_wrong_lines_are_named_in_one_line() -> None:
    survey = survey_of(*[b"nonsense"] * 13)
    with pytest.raises(CommandFailed) as caught:
        survey.raise_if_wrong()
    text = str(caught.value)
    assert "also events.jsonl:2, events.jsonl:3" in text
    assert "and 2 more" in text
    assert "\n" not in text


def test_the_refusal_of_a_line_does_not_repeat_it() -> None:
    survey = survey_of(b'{"password": "hunter2"')
    with pytest.raises(CommandFailed) as caught:
        survey.raise_if_wrong()
    assert "hunter2" not in str(caught.value)


def test_events_and_different_subjects_are_counted() -> None:
    survey = survey_of(ACCOUNT, ORGANIZATION, ACCOUNT)
    survey.raise_if_wrong()
    assert survey.events == {Kind.ACCOUNT: 2, Kind.ORGANIZATION: 1}
    assert {kind: len(ids) for kind, ids in survey.subjects.items()} == {Kind.ACCOUNT: 1, Kind.ORGANIZATION: 1}


def test_a_byte_order_mark_is_no_part_of_the_first_event() -> None:
    survey_of(b"\xef\xbb\xbf" + ACCOUNT).raise_if_wrong()


def test_a_file_that_changed_meanwhile_is_noticed() -> None:
    with pytest.raises(CommandFailed, match=r"events\.jsonl:1: changed while it was read"):
        list(messages_of("events.jsonl", io.BytesIO(b"nonsense"), ROUTER))


PUSHING = Router(TOPICS, 10_000, NOW, push_id="p1")


@pytest.mark.parametrize(
    "line",
    [ACCOUNT, event("ud:user:push", userId="user_a1", username="mei"), event(PREFIX + "ud:user:lock", userId="u")],
)
def test_a_whole_record_is_pushed_with_the_id_of_the_push(line: bytes) -> None:
    """Whatever event brings it: in a push it says how things are."""
    value = PUSHING.route(line)[1].value
    assert value is not None
    assert orjson.loads(value) == {**orjson.loads(line), "eventType": "ud:user:push", "pushId": "p1"}


@pytest.mark.parametrize(
    ("record", "event_type", "key"),
    [
        ({"userId": "user_a1", "organizationalUnits": []}, "ud:user:push", b"user_a1"),
        ({"organizationalUnitId": "ou_rd", "name": "R&D"}, "ud:organizational_unit:push", b"ou_rd"),
    ],
)
def test_a_bare_record_is_pushed_as_the_event_that_it_is(record: dict[str, Any], event_type: str, key: bytes) -> None:
    """Its id says whose record it is."""
    message = PUSHING.route(orjson.dumps(record))[1]
    assert message.key == key
    assert message.value is not None
    assert orjson.loads(message.value) == {"eventType": event_type, "bizData": record, "pushId": "p1"}


@pytest.mark.parametrize(
    "line",
    [
        event("ud:push:end", pushId="p0", organizations=0, accounts=0),
        event("ud:user:delete", userId="user_a1"),
        event("ud:user:update_password", userId="user_a1"),
        event("ud:organizational_unit:add_user", organizationalUnitId="ou_rd", userId="user_a1"),
        event("common:test"),
        b'{"userId": "user_a1", "organizationalUnitId": "ou_rd"}',
        b'{"username": "mei"}',
    ],
)
def test_what_is_no_whole_record_has_no_place_in_a_push(line: bytes) -> None:
    """It would be counted as an entity that is there."""
    with pytest.raises(InvalidEvent, match=r"brings no whole record|no eventType"):
        PUSHING.route(line)


def test_a_bare_record_outside_a_push_is_no_event() -> None:
    """Whether it is new or changed, only an event says."""
    with pytest.raises(InvalidEvent, match="no eventType"):
        ROUTER.route(b'{"userId": "user_a1"}')


def test_the_marks_of_a_push_are_events_of_the_contract() -> None:
    mark = PUSHING.mark(begins=True, organizations=3, accounts=4)
    assert mark.value is not None
    assert ROUTER.route(mark.value)[1] == mark
    assert orjson.loads(mark.value)["bizData"] == {"pushId": "p1", "organizations": 3, "accounts": 4}


@pytest.mark.parametrize(
    "text",
    ["2023-11-14T22:13:19Z", "2023-11-14T23:13:19.000+01:00", "20231114T221319Z", "1699999999000"],
)
def test_when_records_were_taken_is_read_as_iso_8601_or_as_milliseconds(text: str) -> None:
    assert taken_at(text, NOW) == NOW - 1000


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("yesterday", "write a time with its offset, as in 2026-11-24T01:00:00Z, or milliseconds since 1970"),
        ("2023-11-14T22:13:19", "write a time with its offset"),
        ("2023-11-14", "write a time with its offset"),
        ("1699999999", "write a time with its offset"),
        ("-1", "write a time with its offset"),
        ("", "write a time with its offset"),
        ("2023-11-14T22:13:21Z", "it lies in the future: correct it, or this machine's clock"),
    ],
)
def test_a_moment_that_may_be_meant_otherwise_is_refused(text: str, remedy: str) -> None:
    """Seconds are no milliseconds, and a time without an offset could be any zone's: nobody is swept by mistake."""
    with pytest.raises(ConfigurationError, match=remedy) as caught:
        taken_at(text, NOW)
    assert str(caught.value).startswith(f"--taken {text}: ")


def test_a_message_does_not_show_its_value() -> None:
    """It may hold a password."""
    line = event("ud:user:update_password", userId="u", password="hunter2")  # noqa: S106 - what must not be shown
    assert "hunter2" not in repr(ROUTER.route(line)[1])


class _Endless(io.RawIOBase):
    """A file of so many octets without a line's end, which nobody could hold at once; then an event."""

    def __init__(self, octets: int, then: bytes) -> None:
        self._left = octets
        self._then = io.BytesIO(then)

    def readline(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise AssertionError("a whole line was asked for")
        if not self._left:
            return self._then.readline(size)
        taken = min(size, self._left)
        self._left -= taken
        return b" " * taken


def test_a_line_of_any_length_is_told_and_passed_over() -> None:
    """A file without line ends must not fill the memory; nothing of such a line is taken for an event."""
    survey, file = Survey(), _Endless(10**9, b"\n" + ACCOUNT)
    survey.add("dump.json", file, ROUTER, lambda _: None)  # type: ignore[arg-type]  # reads by lines
    with pytest.raises(CommandFailed, match=r"^dump\.json:1: too_large: a line of more than 80000 bytes; "):
        survey.raise_if_wrong()
    assert survey.total == 1
