"""A TCP proxy in front of a real server: the network's faults, at will.

It has its own thread and event loop, so its methods are plain calls in sync and async tests alike. Once a call has
returned, the fault is in force.
"""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self

from streams.sandbox.processes import LOOPBACK, free_port

Hook = Callable[[bytes], bytes | None]

_CHUNK_BYTES = 65536
_CALL_TIMEOUT_SECONDS = 10


class Proxy:
    """Listens on `port` and passes everything on to `target_port`, and back.

    Args:
        target_port: of the real server, on the loopback interface.
        port: where to listen; default: a free one.
        on_request: sees each chunk of bytes on its way to the server and returns what goes on; `None` swallows it.
            It runs in the proxy's thread and may call the proxy's methods, save `close`.
        on_reply: as `on_request`, for what the server sends.
        record: whether `requests` and `replies` collect the bytes seen (before the hooks).

    Attributes:
        swallowed: how many bytes of replies never reached a client, by `drop_replies` or a hook.
        requests: bytes that clients sent, if recorded.
        replies: bytes that the server sent, if recorded.
    """

    host = LOOPBACK

    def __init__(
        self,
        target_port: int,
        *,
        port: int | None = None,
        on_request: Hook | None = None,
        on_reply: Hook | None = None,
        record: bool = False,
    ) -> None:
        self.target_port = target_port
        self.port = port or free_port()
        self.on_request = on_request
        self.on_reply = on_reply
        self.swallowed = 0
        self.requests = bytearray()
        self.replies = bytearray()
        self._record = record
        self._delay_seconds = 0.0
        self._drop_replies = False
        self._links: set[_Link] = set()
        self._listener: socket.socket | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"proxy {self.port}", daemon=True)

    def __repr__(self) -> str:
        return f"<Proxy {self.port} to {self.target_port}>"

    def __enter__(self) -> Self:
        self._thread.start()
        self.accept()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connections(self) -> int:
        """How many connections go through it now."""
        return len(self._links)

    def delay(self, seconds: float) -> None:
        """Holds every reply back for so long; order and throughput stay as they are."""
        self._delay_seconds = seconds

    def drop_replies(self, on: bool) -> None:  # noqa: FBT001 - reads as what it does
        """Swallows what the server sends, while requests still reach it. Ends nothing by itself: see `cut`."""
        self._drop_replies = on

    def cut(self) -> None:
        """Resets every connection, on both sides."""
        self._in_loop(self._cut)

    def refuse(self) -> None:
        """Refuses new connections; those that stand are left alone."""
        self._in_loop(self._stop_listening)

    def accept(self) -> None:
        """Takes connections (again)."""
        self._in_loop(self._listen)

    def close(self) -> None:
        """Refuses, cuts, and ends the thread."""
        asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop).result(_CALL_TIMEOUT_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def pass_request(self, chunk: bytes) -> bytes | None:
        """What goes on to the server of a chunk from a client."""
        if self._record:
            self.requests += chunk
        return chunk if self.on_request is None else self.on_request(chunk)

    def pass_reply(self, chunk: bytes) -> tuple[float, bytes | None]:
        """The loop's time at which a chunk from the server is due, and what of it goes on."""
        if self._record:
            self.replies += chunk
        passed: bytes | None = chunk
        if self._drop_replies:
            passed = None
        elif self.on_reply is not None:
            passed = self.on_reply(chunk)
        if passed is None:
            self.swallowed += len(chunk)
        return self._loop.time() + self._delay_seconds, passed

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _in_loop(self, act: Callable[[], None]) -> None:
        if threading.current_thread() is self._thread:
            act()
            return
        done: Future[None] = Future()

        def run() -> None:
            try:
                act()
            except Exception as exc:  # noqa: BLE001 - raised by the caller's thread
                done.set_exception(exc)
            else:
                done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(_CALL_TIMEOUT_SECONDS)

    # asyncio.start_server is not used: closed while it accepts, it leaks the connection (Python 3.11).
    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port))
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._connected, self._listener)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _connected(self, listener: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):  # the client went away first
            link = _Link(self, listener.accept()[0])
            self._links.add(link)
            link.task.add_done_callback(lambda _: self._links.discard(link))

    def _cut(self) -> None:
        for link in self._links:
            link.reset()

    async def _shut_down(self) -> None:
        self._stop_listening()
        while self._links:
            self._cut()
            await asyncio.gather(*(link.task for link in self._links), return_exceptions=True)
        # A closed transport lets go of its socket one turn of the loop later.
        await asyncio.sleep(0)


class _Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._proxy = proxy
        self._writers: list[asyncio.StreamWriter] = []
        self._replies: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(maxsize=1000)
        self._ended = False
        self._pumping = False
        self.task = asyncio.get_running_loop().create_task(self._run(connection))

    def reset(self) -> None:
        """Ends both sides with RST, not FIN, and drops what is under way."""
        self._ended = True
        for writer in self._writers:
            _reset(writer)
        # While it connects it looks at the flag itself: a task that is cancelled earlier loses its socket.
        if self._pumping:
            self.task.cancel()

    async def _run(self, connection: socket.socket) -> None:
        try:
            client, to_client = await asyncio.open_connection(sock=connection)
            self._writers.append(to_client)
            server, to_server = await asyncio.open_connection(LOOPBACK, self._proxy.target_port)
            self._writers.append(to_server)
        except OSError:
            self.reset()
            return
        if self._ended:
            self.reset()
            return
        self._pumping = True
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump_requests(client, to_server))
                pumps.create_task(self._take_replies(server))
                pumps.create_task(self._deliver_replies(to_client))
        except* OSError:
            self.reset()
        finally:
            for writer in self._writers:
                writer.close()

    async def _pump_requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        while chunk := await client.read(_CHUNK_BYTES):
            await _write(to_server, self._proxy.pass_request(chunk))
        _end(to_server)

    async def _take_replies(self, server: asyncio.StreamReader) -> None:
        while chunk := await server.read(_CHUNK_BYTES):
            due, passed = self._proxy.pass_reply(chunk)
            if passed is not None:
                await self._replies.put((due, passed))
        await self._replies.put((0, None))

    async def _deliver_replies(self, to_client: asyncio.StreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            due, chunk = await self._replies.get()
            if chunk is None:
                break
            await asyncio.sleep(max(0.0, due - clock()))
            await _write(to_client, chunk)
        _end(to_client)


async def _write(writer: asyncio.StreamWriter, chunk: bytes | None) -> None:
    if chunk is not None:
        writer.write(chunk)
        await writer.drain()


def _end(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if not writer.is_closing():
        # Linger for no time: close(2) then sends RST.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
