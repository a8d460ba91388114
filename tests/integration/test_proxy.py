"""The proxy's faults, as a client of a real slapd meets them."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from streams.sandbox.processes import wait_until
from streams.sandbox.slapd import Slapd
from tests.support.proxy import Proxy

MakeProxy = Callable[..., Proxy]
_BIND = bytes.fromhex("300c020101600702010304008000")
_BOUND = bytes.fromhex("300c02010161070a010004000400")


@pytest.fixture
def connect() -> Iterator[Callable[[Proxy], socket.socket]]:
    """Opens connections that are closed with the test."""
    opened: list[socket.socket] = []

    def connect(proxy: Proxy) -> socket.socket:
        opened.append(socket.create_connection((proxy.host, proxy.port), timeout=5))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()


Connect = Callable[[Proxy], socket.socket]


def test_passes_both_ways_and_records(slapd: Slapd, proxy: MakeProxy, connect: Connect) -> None:
    """Without a fault, request and reply arrive unchanged and are recorded."""
    front = proxy(slapd.port, record=True)
    connection = connect(front)
    connection.sendall(_BIND)
    assert connection.recv(100) == _BOUND
    assert (bytes(front.requests), bytes(front.replies)) == (_BIND, _BOUND)


def test_cut_resets(slapd: Slapd, proxy: MakeProxy, connect: Connect) -> None:
    """Cut gives the client a reset, not an end of file; the next connection works."""
    front = proxy(slapd.port)
    connection = connect(front)
    connection.sendall(_BIND)
    connection.recv(100)
    front.cut()
    with pytest.raises(ConnectionResetError):
        connection.recv(100)
    wait_until(lambda: front.connections == 0, "the end of the connection")
    again = connect(front)
    again.sendall(_BIND)
    assert again.recv(100) == _BOUND


def test_dropped_replies_are_swallowed_after_the_request_arrived(
    slapd: Slapd, proxy: MakeProxy, connect: Connect
) -> None:
    """With drop_replies the server answers and the client sees nothing; off again, replies come."""
    front = proxy(slapd.port)
    connection = connect(front)
    front.drop_replies(True)
    connection.sendall(_BIND)
    wait_until(lambda: front.swallowed == len(_BOUND), "the reply")
    front.drop_replies(False)
    connection.sendall(_BIND)
    assert connection.recv(100) == _BOUND


def test_refuse_turns_new_connections_away_and_keeps_old_ones(slapd: Slapd, proxy: MakeProxy, connect: Connect) -> None:
    """After refuse a new connection is refused and the old one works; accept takes new ones on the same port."""
    front = proxy(slapd.port)
    old = connect(front)
    wait_until(lambda: front.connections == 1, "the connection")
    front.refuse()
    with pytest.raises(ConnectionRefusedError):
        connect(front)
    old.sendall(_BIND)
    assert old.recv(100) == _BOUND
    front.accept()
    connect(front)


def test_delay_holds_replies_back(slapd: Slapd, proxy: MakeProxy, connect: Connect) -> None:
    """A reply takes at least the delay."""
    front = proxy(slapd.port)
    connection = connect(front)
    front.delay(0.1)
    before = time.monotonic()
    connection.sendall(_BIND)
    assert connection.recv(100) == _BOUND
    assert time.monotonic() - before >= 0.1


def test_hooks_change_bytes_and_may_cut(slapd: Slapd, proxy: MakeProxy, connect: Connect) -> None:
    """A hook sees the reply, and a cut from within it reaches the client instead of the reply."""
    seen: list[bytes] = []

    def on_reply(chunk: bytes) -> bytes | None:
        seen.append(chunk)
        front.cut()
        return None

    front = proxy(slapd.port, on_reply=on_reply)
    connection = connect(front)
    connection.sendall(_BIND)
    with pytest.raises(ConnectionResetError):
        connection.recv(100)
    assert seen == [_BOUND]


def test_an_end_of_file_stays_an_end_of_file(
    fresh_slapd: Callable[..., Slapd], proxy: MakeProxy, connect: Connect
) -> None:
    """When slapd stops in good order the client reads an end of file, as without the proxy."""
    slapd = fresh_slapd()
    connection = connect(proxy(slapd.port))
    connection.sendall(_BIND)
    connection.recv(100)
    slapd.stop()
    assert connection.recv(100) == b""


def test_a_server_that_is_down_is_a_reset(
    fresh_slapd: Callable[..., Slapd], proxy: MakeProxy, connect: Connect
) -> None:
    """While the server is down, connections through the proxy end at once."""
    slapd = fresh_slapd()
    slapd.stop()
    with pytest.raises(ConnectionResetError):
        connect(proxy(slapd.port)).recv(100)
