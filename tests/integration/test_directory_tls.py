"""TLS to a real slapd: which certificates are taken, and that nothing leaves before one is."""

import asyncio
import contextlib
import socket
import ssl
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ldap_sink.session import open_encrypted, open_session
from ldap_sink.settings import DirectorySettings, Encryption
from ldap_sink.trust import fingerprint
from schemas.dn import DN, RDN
from schemas.errors import Halting, NotSent
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import TlsFiles
from tests.support.certificates import Authority
from tests.support.proxy import Proxy
from tests.support.sink import make_target, open_bench, organization, settings_for, watched

_BOTH = [Encryption.LDAPS, Encryption.START_TLS]
# Results of an extended operation: success, and protocolError (RFC 4511 section 4.1.9).
_GRANTED = b"\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
_OLD_TLS = "NORMAL:-VERS-ALL:+VERS-TLS1.1"  # for GnuTLS
_REFUSED = b"\x0a\x01\x02\x04\x00"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the servers' certificates."""
    return Authority.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_files(authority: Authority) -> TlsFiles:
    """A certificate for `localhost`, not for the address, of an authority that no system trusts."""
    return authority.issue("good", "localhost")


@pytest.fixture(scope="module")
def tls_slapd(tls_files: TlsFiles) -> Iterator[Slapd]:
    """One slapd with TLS for all tests here."""
    with Slapd(SlapdOptions(tls=tls_files)) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Changing:
    """A slapd that shows one certificate after the other."""

    slapd: Slapd
    shown: TlsFiles

    def show(self, files: TlsFiles) -> None:
        """Show another one from now on."""
        self.shown.certificate.write_bytes(files.certificate.read_bytes())
        self.shown.key.write_bytes(files.key.read_bytes())
        self.slapd.restart()


@pytest.fixture(scope="module")
def changing(authority: Authority) -> Iterator[Changing]:
    """One slapd for all tests that need other certificates."""
    shown = authority.issue("shown", "localhost")
    with Slapd(SlapdOptions(tls=shown, policy={})) as server:
        yield Changing(server, shown)


def _settings(slapd: Slapd, encryption: Encryption, **changes: Any) -> DirectorySettings:
    port = slapd.ldaps_port if encryption is Encryption.LDAPS else slapd.port
    changes = {"port": port, "encryption": encryption, "host": "localhost", **changes}
    return settings_for(slapd, DN.parse(slapd.target_dn), None, **changes)


def _fingerprint(files: TlsFiles) -> str:
    return fingerprint(ssl.PEM_cert_to_DER_cert(files.certificate.read_text()))


async def _refusal(settings: DirectorySettings) -> str:
    with pytest.raises(Halting) as caught:
        await open_session(settings)
    return caught.value.reason


@pytest.mark.parametrize("encryption", _BOTH)
async def test_trusts_the_given_authority(tls_slapd: Slapd, tls_files: TlsFiles, encryption: Encryption) -> None:
    """By LDAPS and by StartTLS; the link is encrypted before the bind."""
    connection = await open_session(_settings(tls_slapd, encryption, ca_file=tls_files.authority))
    assert connection.certificate is not None
    await connection.close()


@pytest.mark.parametrize("encryption", _BOTH)
async def test_refuses_an_unknown_authority(tls_slapd: Slapd, encryption: Encryption) -> None:
    """The system does not know it."""
    assert await _refusal(_settings(tls_slapd, encryption)) == "certificate_refused"


@pytest.mark.parametrize("encryption", _BOTH)
async def test_refuses_another_host_name(tls_slapd: Slapd, tls_files: TlsFiles, encryption: Encryption) -> None:
    """A good certificate, but of somebody else."""
    settings = _settings(tls_slapd, encryption, ca_file=tls_files.authority, host=tls_slapd.host)
    assert await _refusal(settings) == "certificate_refused"


@pytest.mark.parametrize("encryption", _BOTH)
@pytest.mark.parametrize("spell", [str, str.lower, lambda pin: pin.removeprefix("sha256:").replace(":", "")])
async def test_a_pinned_certificate_needs_no_authority(
    tls_slapd: Slapd, tls_files: TlsFiles, encryption: Encryption, spell: Callable[[str], str]
) -> None:
    """Nor the right host name; the pin may be spelled in several ways."""
    pins = ("sha256:00", spell(_fingerprint(tls_files)))
    connection = await open_session(
        _settings(tls_slapd, encryption, certificate_fingerprints=pins, host=tls_slapd.host)
    )
    await connection.close()


@pytest.mark.parametrize("encryption", _BOTH)
async def test_with_a_pin_nothing_else_is_trusted(
    tls_slapd: Slapd, tls_files: TlsFiles, encryption: Encryption
) -> None:
    """Not even a certificate with a good chain; the refusal names what was found."""
    settings = _settings(
        tls_slapd, encryption, ca_file=tls_files.authority, certificate_fingerprints=("sha256:" + "AB" * 32,)
    )
    with pytest.raises(Halting, match=_fingerprint(tls_files)) as caught:
        await open_encrypted(settings)
    assert caught.value.reason == "certificate_not_pinned"


async def test_an_authority_file_that_is_missing_halts(tls_slapd: Slapd, tls_files: TlsFiles) -> None:
    """It never means "the system's instead"."""
    settings = _settings(tls_slapd, Encryption.LDAPS, ca_file=tls_files.authority.with_name("none.pem"))
    assert await _refusal(settings) == "ca_file_unreadable"


async def test_a_file_without_authorities_halts(tls_slapd: Slapd, tls_files: TlsFiles) -> None:
    """Nor does a file that holds something else."""
    settings = _settings(tls_slapd, Encryption.LDAPS, ca_file=tls_files.key)
    with pytest.raises(Halting, match="holds no certificate in PEM: correct ") as caught:
        await open_session(settings)
    assert caught.value.reason == "ca_file_unreadable"


async def test_a_server_without_tls_is_told(slapd: Slapd) -> None:
    """This slapd closes the connection, as a plain port does; the system's own words are none."""
    with pytest.raises(NotSent, match=r"broke off the TLS handshake: .*; .* use ldap:// with connection\.start_tls"):
        await open_session(_settings(slapd, Encryption.LDAPS, port=slapd.port))


async def test_a_refused_start_tls_never_falls_back(slapd: Slapd, proxy: Callable[..., Proxy]) -> None:
    """This slapd has no certificate: no password leaves, although it could."""
    front = proxy(slapd.port, record=True)
    assert await _refusal(_settings(slapd, Encryption.START_TLS, port=front.port)) == "start_tls_refused"
    assert front.requests
    assert slapd.admin_password.encode() not in bytes(front.requests)


# -- certificates that are not as they should be, or not for ever ------------------------------------------------------


async def test_an_expired_certificate_is_refused(changing: Changing, authority: Authority) -> None:
    """Of the right authority, for the right name."""
    changing.show(authority.issue("expired", "localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC)))
    settings = _settings(changing.slapd, Encryption.LDAPS, ca_file=authority.file)
    with pytest.raises(Halting, match=r"certificate has expired: .*ldapflow fingerprint --pin"):
        await open_session(settings)


async def test_a_self_signed_certificate_is_trusted_only_if_it_is_pinned(changing: Changing, tmp_path: Path) -> None:
    """Nobody vouches for it but whoever pinned it."""
    files = Authority.make(tmp_path).own()
    changing.show(files)
    settings = _settings(changing.slapd, Encryption.START_TLS)
    with pytest.raises(Halting, match="self-signed certificate"):
        await open_session(settings)
    connection = await open_session(replace(settings, certificate_fingerprints=(_fingerprint(files),)))
    await connection.close()


async def test_another_certificate_halts_until_it_is_pinned_or_the_old_one_is_back(
    changing: Changing, authority: Authority
) -> None:
    """Although its chain is good; old, new and remedy are told. With both pinned, a rotation is not even noticed."""
    old, new = authority.issue("old", "localhost"), authority.issue("new", "localhost")
    pins = (_fingerprint(old), _fingerprint(new))
    changing.show(old)
    target, target_uuid = make_target(changing.slapd)
    both = replace(
        _settings(changing.slapd, Encryption.LDAPS, ca_file=authority.file, certificate_fingerprints=pins),
        target_dn=target,
        target_entry_uuid=target_uuid,
    )
    settings = replace(both, certificate_fingerprints=pins[:1])
    async with watched(settings) as one, watched(both) as two:
        await one.until(None)
        await two.until(None)
        await asyncio.to_thread(changing.show, new)
        state = await one.until("certificate_not_pinned")
        assert all(told in str(state.problem) for told in (*pins, "`ldapflow fingerprint --pin` and restart"))
        await two.until("connection_lost")
        await two.until(None)
        await asyncio.to_thread(changing.show, old)
        await one.until(None)


# -- an attacker between, and one who only listens ---------------------------------------------------------------------


async def test_a_start_tls_that_somebody_strips_ends_the_connection(
    tls_slapd: Slapd, tls_files: TlsFiles, proxy: Callable[..., Proxy]
) -> None:
    """Who turns the server's yes into a no gets no password instead."""
    refused = b"\x78\x07" + _REFUSED + b"\x04\x00"
    front = proxy(tls_slapd.port, on_reply=lambda chunk: chunk.replace(_GRANTED, refused), record=True)
    settings = _settings(tls_slapd, Encryption.START_TLS, ca_file=tls_files.authority, port=front.port)
    assert await _refusal(settings) == "start_tls_refused"
    assert _GRANTED in front.replies
    assert tls_slapd.admin_password.encode() not in front.requests


async def test_a_start_tls_that_was_never_asked_for_ends_the_connection(
    slapd: Slapd, proxy: Callable[..., Proxy]
) -> None:
    """Who keeps the request back and says yes himself, to go on in the clear, gets no password either."""

    def say_yes(chunk: bytes) -> bytes:
        return b"\x30\x0c\x02\x01\x01" + _GRANTED if _REFUSED in chunk else chunk

    front = proxy(slapd.port, on_reply=say_yes, record=True)
    with pytest.raises(NotSent):
        await open_session(_settings(slapd, Encryption.START_TLS, port=front.port))
    assert _REFUSED in front.replies
    assert slapd.admin_password.encode() not in front.requests


@pytest.mark.parametrize("encryption", [Encryption.NONE, *_BOTH])
async def test_a_listener_learns_neither_passwords_nor_names(
    tls_slapd: Slapd, tls_files: TlsFiles, proxy: Callable[..., Proxy], encryption: Encryption
) -> None:
    """A bind, an entry that is made, found and read again: nothing of it is in what goes over the wire with TLS."""
    port = tls_slapd.ldaps_port if encryption is Encryption.LDAPS else tls_slapd.port
    assert port is not None
    front = proxy(port, record=True)
    changes: dict[str, Any] = {"encryption": encryption, "host": "localhost", "ca_file": tls_files.authority}
    async with open_bench(tls_slapd, port=front.port, **changes) as bench:
        await bench.applied("ou_secret", organization("Projekt Geheim"))
        assert await bench.directory.read(bench.target.child(RDN.of("ou", "Projekt Geheim"))) is not None
    traffic = bytes(front.requests + front.replies)
    visible = [secret in traffic for secret in (tls_slapd.admin_password.encode(), b"Projekt Geheim", b"dc=example")]
    assert visible == [encryption is Encryption.NONE] * 3


async def test_old_tls_of_a_server_that_says_so_halts(slapd: Slapd, tls_files: TlsFiles) -> None:
    """TLS 1.2 is the least. slapd says nothing, so this server is Python's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_files.certificate, tls_files.key)
    context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL would not speak it otherwise
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1

    def answer(listener: socket.socket) -> None:
        with listener.accept()[0] as connection, contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = asyncio.create_task(asyncio.to_thread(answer, listener))
        with pytest.raises(Halting) as caught:
            await open_session(_settings(slapd, Encryption.LDAPS, port=listener.getsockname()[1]))
        assert caught.value.reason == "tls_too_old"
        await answering


@pytest.mark.parametrize("encryption", _BOTH)
async def test_old_tls_of_slapd_gives_no_connection(
    tls_files: TlsFiles, fresh_slapd: Callable[..., Slapd], proxy: Callable[..., Proxy], encryption: Encryption
) -> None:
    """It hangs up; what is missing is told, and no password leaves."""
    slapd = fresh_slapd(SlapdOptions(tls=tls_files, global_lines=(f"TLSCipherSuite {_OLD_TLS}",)))
    port = slapd.ldaps_port if encryption is Encryption.LDAPS else slapd.port
    assert port is not None
    front = proxy(port, record=True)
    with pytest.raises(NotSent, match=r"it must speak TLS 1\.2 or newer"):
        await open_session(_settings(slapd, encryption, ca_file=tls_files.authority, port=front.port))
    assert front.requests
    assert slapd.admin_password.encode() not in front.requests
