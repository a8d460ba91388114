"""The asyncio side of a connection: message ids, requests in flight, the write buffer, time-outs, and the end.

A link that fails tells each request whether it may have reached the server (`MaybeApplied`) or never left this process
(`NotSent`).
"""

import asyncio
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ldap_sink.protocol import messages
from ldap_sink.protocol.ber import MalformedReply
from ldap_sink.protocol.framing import Frame, FrameReader
from ldap_sink.protocol.link_failures import LinkFailure, maybe_applied, not_sent
from ldap_sink.protocol.replies import decode_controls, decode_result
from ldap_sink.protocol.results import Result
from ldap_sink.protocol.slots import Slots
from schemas.errors import NotSent

WRITE_AT_ONCE_BYTES: Final = 64 * 1024
MAX_MESSAGE_ID: Final = 2**31 - 1
SWEEP_SECONDS: Final = 1.0
_KEEP_ALIVE: Final = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))

RawEntry: TypeAlias = tuple[int, bytes, int, int]
"""Tag, octets, start and stop: an entry or a reference that is not decoded yet."""
Answer: TypeAlias = tuple[Result, Sequence[RawEntry]]


@dataclass(slots=True)
class _Request:
    """A request whose reply has not come.

    Attributes:
        heard_at: loop time at which it was submitted, or its last entry came.
        sent: handed to the transport.
        entries: what came of a search; None for other operations.
        last_plaintext: nothing may be read after its reply until TLS is there.
    """

    future: asyncio.Future[Answer]
    heard_at: float
    weight: int
    reply_tag: int
    entries: list[RawEntry] | None
    last_plaintext: bool
    sent: bool = False


class Link(asyncio.Protocol):
    """One TCP or TLS connection to a server.

    Attributes:
        slots: take one before `submit`; the link gives it back.
        closed: why the link ended, or None.
    """

    def __init__(self, slots: Slots, operation_timeout: float) -> None:
        self.slots = slots
        self.closed: BaseException | None = None
        self._timeout = operation_timeout
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = FrameReader()
        self._pending: dict[int, _Request] = {}
        self._queue: list[tuple[int, bytes]] = []
        self._queued_bytes = 0
        self._last_id = 0
        self._ended: asyncio.Future[BaseException] = self._loop.create_future()
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The transport of the open link."""
        if self._transport is None:
            raise RuntimeError("the link is not open yet")
        return self._transport

    @transport.setter
    def transport(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream transport is needed")
        self._transport = transport
        _keep_alive(transport)
        self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def pause_writing(self) -> None:
        """Let no more requests in: the transport's buffer is full."""
        self.slots.pause()

    def resume_writing(self) -> None:
        """Let requests in again."""
        self.slots.resume()

    def eof_received(self) -> bool:
        """Close: a server that has ended its side answers nothing any more."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is in flight."""
        lost = NotSent(LinkFailure.CONNECTION_LOST, str(exc) if exc else "the server closed the connection")
        lost.__cause__ = exc
        self.end(lost)

    def data_received(self, data: bytes) -> None:
        """Hand replies to those who wait for them."""
        if self.closed is not None:
            return
        reader = self._reader
        data, frames = reader.feed(data)
        try:
            for frame in frames:
                self._take(data, frame)
            if reader.failure is not None:
                raise reader.failure
        except MalformedReply as exc:
            malformed = NotSent(LinkFailure.MALFORMED_REPLY, str(exc))
            malformed.__cause__ = exc
            self.fail(malformed)

    # What the connection calls.

    def submit(
        self, operation: bytes, controls: bytes, weight: int, *, collect: bool = False, last_plaintext: bool = False
    ) -> asyncio.Future[Answer]:
        """Send a request for which a slot of `weight` is held; from now on the slot is the link's.

        Requests of one turn of the loop are written together. A request whose future is cancelled before that is
        never sent; later, its slot is kept until the reply comes.

        Raises:
            NotSent: the link is closed; the slot is still the caller's.
        """
        if self.closed is not None:
            raise not_sent(self.closed)
        message_id = self._next_id()
        message = messages.message(message_id, operation, controls)
        future: asyncio.Future[Answer] = self._loop.create_future()
        reply_tag = messages.RESPONSE_TO[operation[0]]
        entries: list[RawEntry] | None = [] if collect else None
        self._pending[message_id] = _Request(future, self._loop.time(), weight, reply_tag, entries, last_plaintext)
        if not self._queue:
            self._loop.call_soon(self.flush)
        self._queue.append((message_id, message))
        self._queued_bytes += len(message)
        if self._queued_bytes >= WRITE_AT_ONCE_BYTES:
            self.flush()  # bounds the buffer, and lets the transport say that it is full
        return future

    def flush(self) -> None:
        """Write what is queued."""
        queue = self._queue
        if not queue or self.closed is not None:
            return
        octets = []
        for message_id, message in queue:
            request = self._pending[message_id]
            if request.future.cancelled():
                self._forget(message_id, request)
            else:
                request.sent = True
                octets.append(message)
        queue.clear()
        self._queued_bytes = 0
        if octets:
            self.transport.write(b"".join(octets))

    def resume_reading(self) -> None:
        """Go on in plaintext: StartTLS was refused."""
        self.transport.resume_reading()

    def unbind(self) -> None:
        """Say good-bye and close, once what is written has left."""
        if self.closed is not None:
            return
        self.flush()
        self.transport.write(messages.message(self._next_id(), messages.UNBIND))
        self.fail(NotSent(LinkFailure.CLOSED, "the connection was closed"), abort=False)
        self.transport.close()

    def fail(self, reason: BaseException, *, abort: bool = True) -> None:
        """End the link; every request gets its failure, with the word of `reason` if it is a `Retryable`."""
        if self.closed is not None:
            return
        self.closed = reason
        if self._sweeper is not None:
            self._sweeper.cancel()
        pending, self._pending = self._pending, {}
        self._queue.clear()
        self.slots.close(reason)
        for request in pending.values():
            if not request.future.done():
                request.future.set_exception(maybe_applied(reason) if request.sent else not_sent(reason))
            self.slots.release(request.weight)
        if abort:
            self.transport.abort()

    def end(self, reason: BaseException) -> None:
        """As `fail`, for an end that asyncio will not report: during a TLS handshake it has nobody to tell."""
        self.fail(reason)
        if not self._ended.done():
            self._ended.set_result(self.closed or reason)

    async def ended(self) -> BaseException:
        """Wait until the socket is closed; return why."""
        return await asyncio.shield(self._ended)

    # Inside.

    def _take(self, data: bytes, frame: Frame) -> None:
        message_id, tag, start, stop, end = frame
        request = self._pending.get(message_id)
        if request is None:
            if message_id == 0 and tag == messages.EXTENDED_RESPONSE:
                self._notice(data, frame)
                return
            raise MalformedReply("a reply to no request")
        if not request.sent:
            raise MalformedReply("a reply to a request that was not sent")
        if tag == request.reply_tag:
            result = decode_result(data, start, stop, end)
            if request.last_plaintext:
                self._stop_reading(data, end)
            self._forget(message_id, request)
            if not request.future.done():
                request.future.set_result((result, request.entries or ()))
        elif tag != messages.INTERMEDIATE_RESPONSE:
            self._collect(request, data, frame)

    def _collect(self, request: _Request, data: bytes, frame: Frame) -> None:
        """Keep an entry or a reference for who searches."""
        _, tag, start, stop, end = frame
        if request.entries is None or tag not in {messages.SEARCH_RESULT_ENTRY, messages.SEARCH_RESULT_REFERENCE}:
            raise MalformedReply(f"operation 0x{tag:02x} is no reply to the request")
        if stop != end:
            decode_controls(data, stop, end)
        request.heard_at = self._loop.time()
        if not request.future.done():
            request.entries.append((tag, data, start, stop))

    def _forget(self, message_id: int, request: _Request) -> None:
        del self._pending[message_id]
        self.slots.release(request.weight)

    def _notice(self, data: bytes, frame: Frame) -> None:
        """Handle an unsolicited notification (RFC 4511 section 4.4); the only one known says that the end is near."""
        _, _, start, stop, end = frame
        result = decode_result(data, start, stop, end)
        self.fail(
            NotSent(LinkFailure.CONNECTION_LOST, f"the server ends: {result.name}({result.code}) {result.message}")
        )

    def _stop_reading(self, data: bytes, end: int) -> None:
        """Read no more until TLS is there: what comes in plaintext behind the reply could be anybody's."""
        self.transport.pause_reading()
        if end != len(data):
            raise MalformedReply("plaintext after the reply to StartTLS")

    def _next_id(self) -> int:
        message_id = self._last_id
        while True:
            message_id = message_id + 1 if message_id < MAX_MESSAGE_ID else 1
            if message_id not in self._pending:
                self._last_id = message_id
                return message_id

    def _sweep(self) -> None:
        """Abort when a request has waited too long; one timer for all of them."""
        limit = self._loop.time() - self._timeout
        if any(request.heard_at < limit for request in self._pending.values()):
            self.fail(NotSent(LinkFailure.TIMEOUT, f"no reply in {self._timeout:g} s"))
        else:
            self._sweeper = self._loop.call_later(SWEEP_SECONDS, self._sweep)


def _keep_alive(transport: asyncio.Transport) -> None:
    """Notice a peer that has vanished while nothing is in flight."""
    connection = transport.get_extra_info("socket")
    if connection is None or connection.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEP_ALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
