"""What becomes of requests when the server or the network fails."""

import asyncio
import socket
import ssl
import tracemalloc
import uuid
from collections.abc import Callable

import pytest

from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.exchange import MAX_ANONYMOUS_MESSAGE_BYTES, MAX_MESSAGE_BYTES
from ldap_sink.protocol.results import LdapResultError
from ldap_sink.protocol.slots import MAX_IN_FLIGHT_BYTES
from schemas.errors import DeadLetterReason, MaybeApplied, NotSent, Permanent
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd
from tests.support.connecting import connected, person, unit
from tests.support.proxy import Proxy


def child(slapd: Slapd, name: str | None = None) -> str:
    """The DN of a person below the target, by default one that no other test knows."""
    return f"cn={name or uuid.uuid4().hex},{slapd.target_dn}"


async def test_a_port_where_nobody_listens() -> None:
    """No connection: nothing was sent."""
    with pytest.raises(NotSent) as failure:
        await Connection.open("127.0.0.1", free_port())
    assert failure.value.reason == "connect_failed"


async def test_a_server_that_never_answers() -> None:
    """Connecting ends after its time-out, the TLS handshake included."""
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(NotSent) as failure:
        await Connection.open("127.0.0.1", mute.getsockname()[1], tls=ssl.create_default_context(), connect_timeout=0.2)
    assert failure.value.reason == "connect_timeout"


async def test_a_large_request_is_refused_before_it_is_sent(slapd: Slapd) -> None:
    """The event is to blame, not the server: it goes to the dead letters, and the connection goes on."""
    async with connected(slapd) as ldap:
        dn = child(slapd)
        with pytest.raises(Permanent) as failure:
            await ldap.add(dn, person("a", jpegPhoto=[b"x" * MAX_MESSAGE_BYTES]))
        assert failure.value.reason is DeadLetterReason.TOO_LARGE
        await ldap.add(dn, person("a", jpegPhoto=[b"x" * (MAX_MESSAGE_BYTES - 4096)]))
        assert ldap.closed is None


async def test_what_slapd_does_with_a_larger_one(slapd: Slapd) -> None:
    """The reason for the limit: the connection is closed without a word, and would be again and again.

    slapd.conf(5) gives 4 MiB as the default of sockbuf_max_incoming_auth, slapd 2.5 has 16 MiB.
    """
    async with connected(slapd, max_message_bytes=2**30) as ldap:
        with pytest.raises(MaybeApplied) as failure:
            await ldap.add(child(slapd), person("a", jpegPhoto=[b"x" * (16 * 1024 * 1024)]))
    assert failure.value.reason == "connection_lost"


async def test_who_has_not_bound_may_send_less(slapd: Slapd) -> None:
    """The limit for anonymous connections is slapd's lower one."""
    ldap = await Connection.open(slapd.host, slapd.port)
    with pytest.raises(Permanent):
        await ldap.add(child(slapd), person("a", jpegPhoto=[b"x" * MAX_ANONYMOUS_MESSAGE_BYTES]))
    with pytest.raises(LdapResultError, match="strongerAuthRequired"):
        await ldap.add(child(slapd), person("a", jpegPhoto=[b"x" * (MAX_ANONYMOUS_MESSAGE_BYTES - 4096)]))
    await ldap.close()


async def test_a_lost_reply(slapd: Slapd) -> None:
    """A write whose reply is missing ends after the time-out as maybe applied; here it was."""
    dn = child(slapd)
    with Proxy(slapd.port) as proxy:
        async with connected(slapd, proxy.port, operation_timeout=0.5) as ldap:
            proxy.drop_replies(on=True)
            with pytest.raises(MaybeApplied) as failure:
                await ldap.add(dn, person("a"))
            assert failure.value.reason == "timeout"
            with pytest.raises(NotSent):
                await ldap.add(dn, person("a"))
    async with connected(slapd) as ldap:
        assert await ldap.read(dn) is not None


async def test_a_cut_connection(slapd: Slapd) -> None:
    """What is in flight may have been applied, what comes later was not sent, and the end is told once."""
    with Proxy(slapd.port) as proxy:
        async with connected(slapd, proxy.port) as ldap:
            proxy.drop_replies(on=True)
            adds = [asyncio.create_task(ldap.add(child(slapd), person("a"))) for _ in range(10)]
            await asyncio.sleep(0)
            proxy.cut()
            reason = await ldap.wait_closed()
            outcomes = await asyncio.gather(*adds, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes] == [MaybeApplied] * 10
            assert ldap.closed is reason
            with pytest.raises(NotSent):
                await ldap.add(child(slapd), person("a"))


async def test_a_server_that_stops_in_good_order(fresh_slapd: Callable[[], Slapd]) -> None:
    """An idle connection learns of it without being used."""
    slapd = fresh_slapd()
    async with connected(slapd) as ldap:
        slapd.stop()
        assert isinstance(await ldap.wait_closed(), NotSent)


async def test_cancelled_requests_take_no_slots_for_ever(slapd: Slapd) -> None:
    """Who gives up leaves the window as wide as it was, whether waiting, sent or about to be sent."""
    async with connected(slapd, window=4) as ldap:
        for turns in range(4):
            tasks = [asyncio.create_task(ldap.read(slapd.target_dn)) for _ in range(12)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert None not in await asyncio.gather(*(ldap.read(slapd.target_dn) for _ in range(12)))


async def test_a_cancelled_bind_ends_the_connection(slapd: Slapd) -> None:
    """Nobody would know as whom the next request is made."""
    ldap = await Connection.open(slapd.host, slapd.port)
    bind = asyncio.create_task(ldap.bind(slapd.admin_dn, slapd.admin_password.encode()))
    await asyncio.sleep(0)
    bind.cancel()
    await ldap.wait_closed()
    with pytest.raises(NotSent):
        await ldap.read("")


async def test_a_stopped_server_does_not_fill_the_memory(fresh_slapd: Callable[[], Slapd]) -> None:
    """However much wants to be written, what is encoded and buffered is bounded; later all of it arrives."""
    slapd = fresh_slapd()
    photo = b"x" * 100_000
    async with connected(slapd) as ldap:
        await ldap.add(f"ou=a,{slapd.target_dn}", unit("a"))
        slapd.freeze()
        tracemalloc.start()
        adds = [
            asyncio.create_task(ldap.add(f"cn={number},ou=a,{slapd.target_dn}", person(str(number), jpegPhoto=[photo])))
            for number in range(1000)
        ]
        for _ in range(20):
            await asyncio.sleep(0)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert not any(task.done() for task in adds)
        assert ldap._link.slots.weight <= MAX_IN_FLIGHT_BYTES  # noqa: SLF001
        assert peak < 2.5 * MAX_IN_FLIGHT_BYTES  # 100 MB want to be written
        slapd.thaw()
        await asyncio.gather(*adds)
        assert len(await ldap.search(f"ou=a,{slapd.target_dn}", "(cn=*)", ["cn"])) == 1000


async def test_a_killed_server_loses_nothing(fresh_slapd: Callable[[], Slapd]) -> None:
    """Killed and restarted under 32 writers: the outcome of every write is known after one look.

    What was said to be done is there, what was not sent is not.
    """
    slapd = fresh_slapd()
    busy = asyncio.Event()
    applied: set[str] = set()
    maybe: set[str] = set()
    not_sent: set[str] = set()

    async def write(ldap: Connection, writer: int) -> None:
        number = 0
        while True:
            number += 1
            dn = child(slapd, f"{writer}-{number}")
            try:
                await ldap.add(dn, person("a"))
            except MaybeApplied:
                maybe.add(dn)
            except NotSent:
                not_sent.add(dn)
                return
            else:
                applied.add(dn)
                if len(applied) == 500:
                    busy.set()

    async def kill() -> None:
        await busy.wait()
        slapd.kill()

    async with connected(slapd) as ldap:
        await asyncio.gather(kill(), *(write(ldap, writer) for writer in range(32)))
    assert len(maybe) == len(not_sent) == 32
    slapd.start()
    async with connected(slapd) as ldap:
        found = {dn for dn in applied | maybe | not_sent if await ldap.read(dn, ["cn"]) is not None}
        assert applied <= found <= applied | maybe
        for dn in (maybe | not_sent) - found:
            await ldap.add(dn, person("a"))
        assert len(await ldap.search(slapd.target_dn, "(objectClass=person)", ["cn"])) == len(applied) + 64
