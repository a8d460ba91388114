"""TLS against a real slapd, with certificates of an authority of our own."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from schemas.errors import Halting, MaybeApplied, NotSent
from streams.sandbox.slapd import Slapd, SlapdOptions, TlsFiles
from tests.support.proxy import Proxy

START_TLS_DONE = b"\x78\x07\x0a\x01\x00\x04\x00\x04\x00"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Who signs the server's certificate."""
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    """The server's certificate, for `localhost` and the loopback address."""
    return authority.issue_cert("localhost", "127.0.0.1")


@pytest.fixture(scope="module")
def tls_slapd(
    authority: trustme.CA, certificate: trustme.LeafCert, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slapd]:
    """A slapd that offers StartTLS and LDAPS."""
    folder: Path = tmp_path_factory.mktemp("tls")
    files = TlsFiles(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    certificate.cert_chain_pems[0].write_to_path(str(files.certificate))
    certificate.private_key_pem.write_to_path(str(files.key))
    authority.cert_pem.write_to_path(str(files.authority))
    with Slapd(SlapdOptions(tls=files)) as server:
        yield server


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    """Trusts our authority alone."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
def pinning() -> ssl.SSLContext:
    """Trusts nobody: the caller compares the certificate with its pins."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def stranger() -> ssl.SSLContext:
    """Trusts another authority."""
    context = ssl.create_default_context()
    trustme.CA().configure_trust(context)
    return context


def der(certificate: trustme.LeafCert) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())


async def use(connection: Connection, slapd: Slapd) -> None:
    """Bind, read, and close in good order."""
    await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
    assert await connection.read(slapd.target_dn) is not None
    await connection.close()


async def test_ldaps(tls_slapd: Slapd, trusting: ssl.SSLContext, certificate: trustme.LeafCert) -> None:
    """A connection that speaks TLS from the first octet, and shows the server's certificate."""
    assert tls_slapd.ldaps_port is not None
    connection = await Connection.open(tls_slapd.host, tls_slapd.ldaps_port, tls=trusting)
    assert connection.certificate == der(certificate)
    await use(connection, tls_slapd)


async def test_start_tls(tls_slapd: Slapd, trusting: ssl.SSLContext, certificate: trustme.LeafCert) -> None:
    """A connection that turns to TLS; many requests go through it."""
    connection = await Connection.open(tls_slapd.host, tls_slapd.port)
    before = connection.certificate
    await connection.start_tls(trusting, "localhost")
    assert (before, connection.certificate) == (None, der(certificate))
    await connection.bind(tls_slapd.admin_dn, tls_slapd.admin_password.encode())
    reads = await asyncio.gather(*(connection.read(tls_slapd.target_dn) for _ in range(200)))
    assert None not in reads
    await connection.close()


async def test_pins_see_a_certificate_that_nobody_vouches_for(
    tls_slapd: Slapd, pinning: ssl.SSLContext, certificate: trustme.LeafCert
) -> None:
    """Without verification the certificate is still there to be compared."""
    connection = await Connection.open(tls_slapd.host, tls_slapd.port)
    await connection.start_tls(pinning, "whatever.example")
    assert connection.certificate == der(certificate)
    await use(connection, tls_slapd)


async def test_a_strangers_certificate_halts(tls_slapd: Slapd, stranger: ssl.SSLContext) -> None:
    """A certificate of another authority is not a matter of waiting, by LDAPS or StartTLS; the connection is gone."""
    assert tls_slapd.ldaps_port is not None
    with pytest.raises(Halting, match="certificate"):
        await Connection.open(tls_slapd.host, tls_slapd.ldaps_port, tls=stranger)
    connection = await Connection.open(tls_slapd.host, tls_slapd.port)
    with pytest.raises(Halting, match="certificate"):
        await connection.start_tls(stranger, "localhost")
    assert isinstance(await connection.wait_closed(), Halting)
    with pytest.raises(NotSent):
        await connection.read(tls_slapd.target_dn)


async def test_another_hosts_certificate_halts(tls_slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """The name is checked too."""
    connection = await Connection.open(tls_slapd.host, tls_slapd.port)
    with pytest.raises(Halting, match=r"elsewhere\.example"):
        await connection.start_tls(trusting, "elsewhere.example")


async def test_a_server_without_tls(slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """StartTLS that is refused is a failure; the caller decides what becomes of the connection."""
    connection = await Connection.open(slapd.host, slapd.port)
    with pytest.raises(LdapResultError, match="extended: protocolError"):
        await connection.start_tls(trusting, "localhost")
    assert await connection.read("") is not None
    await connection.close()


async def test_ldaps_to_a_plain_port(slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """A server that does not speak TLS is no connection."""
    with pytest.raises(NotSent) as failure:
        await Connection.open(slapd.host, slapd.port, tls=trusting)
    assert failure.value.reason == "connect_failed"


async def test_start_tls_goes_alone(tls_slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """Requests in flight would be answered in the clear, or not at all."""
    connection = await Connection.open(tls_slapd.host, tls_slapd.port)
    read = asyncio.create_task(connection.read(tls_slapd.target_dn))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="nothing in flight"):
        await connection.start_tls(trusting, "localhost")
    await read
    await connection.close()


async def test_plaintext_behind_the_reply_is_refused(tls_slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """Somebody on the way who adds replies in the clear does not get them past the beginning of TLS."""

    def inject(chunk: bytes) -> bytes:
        return chunk + b"\x30\x05\x02\x01\x02\x69\x00" if START_TLS_DONE in chunk else chunk

    with Proxy(tls_slapd.port, on_reply=inject) as proxy:
        connection = await Connection.open(proxy.host, proxy.port)
        with pytest.raises(MaybeApplied, match="plaintext"):
            await connection.start_tls(trusting, "localhost")
        await connection.wait_closed()


async def test_a_server_that_hangs_up_during_the_handshake(trusting: ssl.SSLContext) -> None:
    """A plain end of file instead of TLS, is a failure."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x30\x0c\x02\x01\x01" + START_TLS_DONE)
        await reader.read(1000)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1])
        with pytest.raises(NotSent) as failure:
            await connection.start_tls(trusting, "localhost")
        assert failure.value.reason == "connect_failed"
        await connection.wait_closed()


async def test_a_connection_that_is_dropped_during_the_handshake(trusting: ssl.SSLContext) -> None:
    """Our own abort ends a handshake that would otherwise wait for its time-out."""
    begun = asyncio.Event()

    async def grant(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"\x30\x0c\x02\x01\x01" + START_TLS_DONE)
        await reader.read(1000)
        begun.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(grant, "127.0.0.1", 0) as server:
        connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1])
        handshake = asyncio.create_task(connection.start_tls(trusting, "localhost"))
        await begun.wait()
        connection.abort(ConnectionAbortedError("enough"))
        with pytest.raises(NotSent):
            await handshake
        assert isinstance(await connection.wait_closed(), ConnectionAbortedError)


async def test_a_server_that_goes_during_the_handshake(tls_slapd: Slapd, trusting: ssl.SSLContext) -> None:
    """The handshake fails at once, and the connection is known to be closed."""
    with Proxy(tls_slapd.port) as proxy:
        seen: list[bytes] = []

        def cut(chunk: bytes) -> bytes | None:
            seen.append(chunk)
            if len(seen) > 1:  # StartTLS was the first
                proxy.cut()
                return None
            return chunk

        proxy.on_request = cut
        connection = await Connection.open(proxy.host, proxy.port)
        with pytest.raises(NotSent) as failure:
            await connection.start_tls(trusting, "localhost")
        assert failure.value.reason == "connect_failed"
        await connection.wait_closed()
