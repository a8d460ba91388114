"""Which server certificates are trusted (design section 7), and what a certificate says of itself."""

import hashlib
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509

from ldap_sink.settings import DirectorySettings
from schemas.errors import Halting
from schemas.halt_reasons import HaltReason

_PREFIX: Final = "sha256:"


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says (RFC 5280 section 4.1.2); whether it is true is another question.

    Attributes:
        subject: as RFC 4514 writes it; like the others, somebody else's text.
        names: DNS names and addresses that it is for.
        fingerprint: as the configuration has it.
    """

    subject: str
    issuer: str
    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]
    fingerprint: str


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate in DER, as the configuration has it: `sha256:AB:CD:…`."""
    return f"{_PREFIX}{hashlib.sha256(certificate).digest().hex(':').upper()}"


def certificate_facts(certificate: bytes) -> CertificateFacts:
    """Read a certificate in DER.

    Raises:
        ValueError: it is none that can be read.
    """
    read = x509.load_der_x509_certificate(certificate)
    try:
        names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return CertificateFacts(
        read.subject.rfc4514_string(),
        read.issuer.rfc4514_string(),
        read.not_valid_before_utc,
        read.not_valid_after_utc,
        (
            *names.get_values_for_type(x509.DNSName),
            *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
        ),
        fingerprint(certificate),
    )


def verifying(settings: DirectorySettings) -> ssl.SSLContext:
    """TLS 1.2 or newer that checks chain and host name; with pins, `check_pin` must do all of the checking.

    Raises:
        Halting: the authorities cannot be read.
    """
    if settings.certificate_fingerprints:
        return unverifying()
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except ssl.SSLError as exc:
        raise Halting(HaltReason.CA_FILE_UNREADABLE, f"{settings.ca_file} holds no certificate in PEM") from exc
    except OSError as exc:
        raise Halting(HaltReason.CA_FILE_UNREADABLE, f"{settings.ca_file}: {exc.strerror or exc}") from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def unverifying() -> ssl.SSLContext:
    """TLS 1.2 or newer with anybody: nothing secret may be sent before the certificate has been looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def check_pin(certificate: bytes | None, settings: DirectorySettings) -> None:
    """See that the server's certificate is a pinned one, if any is pinned; the chain is not asked then.

    Raises:
        Halting: it is not; says which one was found and which are pinned.
    """
    pins = settings.certificate_fingerprints
    if not pins:
        return
    if certificate is None:
        raise Halting(HaltReason.CERTIFICATE_NOT_PINNED, "the server showed no certificate, and one is pinned")
    found = fingerprint(certificate)
    if _plain(found) not in map(_plain, pins):
        raise Halting(
            HaltReason.CERTIFICATE_NOT_PINNED,
            f"the server's certificate is {found}, which is not pinned; pinned is {', '.join(pins)}",
        )


def _plain(written: str) -> str:
    return written.lower().removeprefix(_PREFIX).replace(":", "")
