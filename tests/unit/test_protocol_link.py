"""The link, without a network: ids, writes, replies, time-outs and ends."""

import asyncio
import ssl
from collections.abc import Sequence

import pytest

from ldap_sink.protocol import messages
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.link import MAX_MESSAGE_ID, Answer, Link
from ldap_sink.protocol.results import Result
from ldap_sink.protocol.slots import Slots
from schemas.errors import MaybeApplied, NotSent
from tests.support import wire

ADDED, SEARCH_DONE, EXTENDED = 0x69, 0x65, 0x78
ADD = messages.add("cn=a", {"cn": [b"a"]})
SEARCH = messages.search("", messages.Scope.BASE, "(objectClass=*)", [], 0)


class Wire:
    """A link and the transport at its other side."""

    def __init__(self, *, operation_timeout: float = 30.0) -> None:
        self.transport = wire.MemoryTransport()
        self.link = Link(Slots(64), operation_timeout)
        self.link.connection_made(self.transport)

    async def send(self, *operations: bytes, last_plaintext: bool = False) -> list[asyncio.Future[Answer]]:
        """Submit the operations in one turn of the loop, and let them be written."""
        answers = []
        for operation in operations:
            await self.link.slots.acquire(1)
            collect = operation is SEARCH
            answers.append(self.link.submit(operation, b"", 1, collect=collect, last_plaintext=last_plaintext))
        await asyncio.sleep(0)
        return answers


def failures(answers: Sequence[asyncio.Future[Answer]]) -> list[tuple[type[BaseException], str]]:
    found: list[tuple[type[BaseException], str]] = []
    for answer in answers:
        failure = answer.exception()
        assert isinstance(failure, NotSent | MaybeApplied)
        found.append((type(failure), failure.reason))
    return found


async def test_requests_of_one_turn_are_written_together() -> None:
    """Many small requests cost one system call."""
    far = Wire()
    await far.send(ADD, ADD, ADD)
    assert len(far.transport.writes) == 1
    assert far.transport.requests == [(1, 0x68), (2, 0x68), (3, 0x68)]


async def test_writes_are_bounded() -> None:
    """A turn with a lot to say writes as it goes, so that the transport can say that it is full."""
    far = Wire()
    big = messages.add("cn=a", {"cn": [b"a" * 30_000]})
    await far.send(*[big] * 7)
    assert len(far.transport.writes) == 3
    assert max(map(len, far.transport.writes)) < 100_000


async def test_replies_find_their_requests_in_any_order() -> None:
    """The server answers in the order in which it is done."""
    far = Wire()
    first, second = await far.send(ADD, ADD)
    far.link.data_received(wire.reply(2, ADDED, wire.result(68)) + wire.reply(1, ADDED))
    assert (await first)[0] == Result(0)
    assert (await second)[0].code == 68
    assert far.link.slots.taken == 0


async def test_message_ids_wrap_and_skip_those_in_use() -> None:
    """An id is never used twice at a time (RFC 4511 section 4.1.1.1)."""
    far = Wire()
    await far.send(ADD, ADD)
    far.link._last_id = MAX_MESSAGE_ID - 1  # noqa: SLF001 - two thousand million requests take too long
    await far.send(ADD, ADD)
    assert [message_id for message_id, _ in far.transport.requests] == [1, 2, MAX_MESSAGE_ID, 3]


async def test_a_request_cancelled_before_it_is_written_is_never_sent() -> None:
    """Nothing leaves for somebody who has gone."""
    far = Wire()
    await far.link.slots.acquire(1)
    far.link.submit(ADD, b"", 1).cancel()
    await asyncio.sleep(0)
    assert not far.transport.writes
    assert far.link.slots.taken == 0


async def test_a_request_cancelled_later_keeps_its_slot() -> None:
    """The server still works on it: it counts until its reply has come."""
    far = Wire()
    (answer,) = await far.send(ADD)
    answer.cancel()
    assert far.link.slots.taken == 1
    far.link.data_received(wire.reply(1, ADDED))
    assert far.link.slots.taken == 0
    assert far.link.closed is None


async def test_a_lost_link_tells_what_was_sent_from_what_was_not() -> None:
    """What was handed to the transport may have been applied; what was not can be sent again."""
    far = Wire()
    sent = await far.send(ADD)
    await far.link.slots.acquire(1)
    queued = far.link.submit(ADD, b"", 1)
    far.link.connection_lost(ConnectionResetError("reset by peer"))
    assert failures([*sent, queued]) == [(MaybeApplied, "connection_lost"), (NotSent, "connection_lost")]
    with pytest.raises(NotSent):
        far.link.submit(ADD, b"", 1)


async def test_a_server_that_closes_is_a_lost_link() -> None:
    """A server stops with a plain end of file."""
    far = Wire()
    answers = await far.send(ADD)
    assert far.link.eof_received() is False
    far.link.connection_lost(None)
    assert failures(answers) == [(MaybeApplied, "connection_lost")]
    assert far.link.closed is await far.link.ended()


async def test_notice_of_disconnection() -> None:
    """The server's last words say why (RFC 4511 section 4.4.1)."""
    far = Wire()
    answers = await far.send(ADD)
    far.link.data_received(wire.reply(0, EXTENDED, wire.result(52, "", "going down")))
    assert failures(answers) == [(MaybeApplied, "connection_lost")]
    assert "unavailable(52) going down" in str(far.link.closed)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        wire.reply(9, ADDED),  # to no request
        wire.reply(0, ADDED),  # unsolicited, and not a notification
        wire.reply(1, 0x6B),  # to a Delete
        wire.reply(1, 0x64, wire.entry("cn=a")),  # an entry for an Add
        wire.reply(1, ADDED, b"\x0a\x01\x00\x04\x00"),  # a result that is cut
        wire.reply(1, ADDED, controls=b"\x30\x00"),  # something else than controls behind it
    ],
)
async def test_a_malformed_reply_ends_the_link(data: bytes) -> None:
    """A server that speaks something else is not listened to any further, and nobody waits for ever."""
    far = Wire()
    answers = await far.send(ADD)
    far.link.data_received(data)
    assert failures(answers) == [(MaybeApplied, "malformed_reply")]
    assert far.transport.aborted


async def test_plaintext_after_the_reply_to_start_tls() -> None:
    """What comes in the clear behind that reply could be anybody's: it is refused, not kept for later."""
    far = Wire()
    answers = await far.send(messages.extended(messages.START_TLS), last_plaintext=True)
    far.link.data_received(wire.reply(1, EXTENDED) + b"\x30")
    assert failures(answers) == [(MaybeApplied, "malformed_reply")]


async def test_reading_stops_at_the_reply_to_start_tls() -> None:
    """The next octet belongs to TLS."""
    far = Wire()
    answers = await far.send(messages.extended(messages.START_TLS), last_plaintext=True)
    far.link.data_received(wire.reply(1, EXTENDED))
    assert answers[0].done()
    assert not far.transport.reading


async def test_a_reply_before_its_request() -> None:
    """A server that answers what was not asked yet does not get far."""
    far = Wire()
    await far.link.slots.acquire(1)
    answer = far.link.submit(ADD, b"", 1)
    far.link.data_received(wire.reply(1, ADDED))
    assert failures([answer]) == [(NotSent, "malformed_reply")]


async def test_something_else_than_controls_behind_an_entry() -> None:
    """The end of an entry's message is looked at too."""
    far = Wire()
    answers = await far.send(SEARCH)
    far.link.data_received(wire.reply(1, 0x64, wire.entry("cn=a"), controls=b"\x30\x00"))
    assert failures(answers) == [(MaybeApplied, "malformed_reply")]


async def test_entries_are_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long search is not cut off while entries come; the time runs from the last one."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    far = Wire(operation_timeout=30)
    (answer,) = await far.send(SEARCH)
    for seconds in (20, 40, 60):
        monkeypatch.setattr(loop, "time", lambda seconds=seconds: begin + seconds)
        far.link.data_received(wire.reply(1, 0x64, wire.entry("cn=a")))
        far.link._sweep()  # noqa: SLF001 - the clock is ours, so the timer is too
        assert not answer.done()
    monkeypatch.setattr(loop, "time", lambda: begin + 91)
    far.link._sweep()  # noqa: SLF001
    assert failures([answer]) == [(MaybeApplied, "timeout")]


async def test_a_link_that_is_lost_between_start_tls_and_the_handshake() -> None:
    """There is nothing to shake hands with."""
    far = Wire()
    connection = Connection(far.link, max_message_bytes=1000, handshake_timeout=30)
    begun = asyncio.create_task(connection.start_tls(ssl.create_default_context(), "localhost"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    far.link.data_received(wire.reply(1, EXTENDED))
    far.link.connection_lost(None)
    with pytest.raises(NotSent) as failure:
        await begun
    assert failure.value.reason == "connection_lost"


async def test_no_reply_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits too long ends the link, without a timer of its own."""
    monkeypatch.setattr("ldap_sink.protocol.link.SWEEP_SECONDS", 0.01)
    far = Wire(operation_timeout=0.1)
    answers = await far.send(ADD)
    await far.link.slots.drained()
    assert failures(answers) == [(MaybeApplied, "timeout")]
    assert far.transport.aborted


async def test_entries_are_kept_for_who_asked() -> None:
    """Entries and references are handed over raw, with the result behind them; intermediate messages are passed by."""
    far = Wire()
    (answer,) = await far.send(SEARCH)
    far.link.data_received(
        wire.reply(1, 0x64, wire.entry("cn=a")) + wire.reply(1, 0x79, b"") + wire.reply(1, 0x73, b"\x04\x00")
    )
    far.link.data_received(wire.reply(1, SEARCH_DONE))
    result, raw = await answer
    assert result == Result(0)
    assert [tag for tag, *_ in raw] == [0x64, 0x73]


async def test_a_full_transport_lets_nobody_through() -> None:
    """Back-pressure of the socket reaches those who want to send."""
    far = Wire()
    far.link.pause_writing()
    task = asyncio.create_task(far.link.slots.acquire(1))
    await asyncio.sleep(0)
    assert not task.done()
    far.link.resume_writing()
    await task


async def test_unbind() -> None:
    """A good-bye is the last thing written; the transport is closed, not aborted, so that it arrives."""
    far = Wire()
    far.link.unbind()
    assert far.transport.requests == [(1, 0x42)]
    assert (far.transport.closed, far.transport.aborted) == (True, False)
