"""TLS to a real slapd: which certificates are taken, and that nothing leaves before one is."""

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from ldap_sink.session import open_encrypted, open_session
from ldap_sink.settings import DirectorySettings, Encryption
from ldap_sink.trust import fingerprint
from schemas.dn import DN
from schemas.errors import Halting, NotSent
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import TlsFiles
from tests.support.proxy import Proxy
from tests.support.sink import settings_for

_BOTH = [Encryption.LDAPS, Encryption.START_TLS]


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for `localhost`, not for the address, of an authority that no system trusts."""
    folder = tmp_path_factory.mktemp("tls")
    files = TlsFiles(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    issued.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    return files


@pytest.fixture(scope="module")
def tls_slapd(tls_files: TlsFiles) -> Iterator[Slapd]:
    """One slapd with TLS for all tests here."""
    with Slapd(SlapdOptions(tls=tls_files)) as server:
        yield server


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
    with pytest.raises(NotSent, match=r"broke off the TLS handshake: .* use ldap:// with connection\.start_tls"):
        await open_session(_settings(slapd, Encryption.LDAPS, port=slapd.port))


async def test_a_refused_start_tls_never_falls_back(slapd: Slapd, proxy: Callable[..., Proxy]) -> None:
    """This slapd has no certificate: no password leaves, although it could."""
    front = proxy(slapd.port, record=True)
    assert await _refusal(_settings(slapd, Encryption.START_TLS, port=front.port)) == "start_tls_refused"
    assert front.requests
    assert slapd.admin_password.encode() not in bytes(front.requests)
