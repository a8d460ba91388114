"""`kafka.client` in the words of the worker's own client: librdkafka names the settings, Faust speaks by aiokafka."""

import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError
from streams.settings import Settings

_PROTOCOLS: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TLS_SETTINGS: Final = (
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.cipher.suites",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "enable.ssl.certificate.verification",
)
_LOGIN_SETTINGS: Final = ("sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password")
_INSTEAD: Final[Mapping[str, str]] = {
    "ssl.certificate.pem": "give ssl.certificate.location instead",
    "ssl.key.pem": "give ssl.key.location instead",
    "ssl.keystore.location": "give ssl.certificate.location and ssl.key.location instead",
    "ssl.keystore.password": "give ssl.key.password instead",
}
_TRUE: Final = ("true", "t", "1")
_FALSE: Final = ("false", "f", "0")


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to Kafka."""

    mechanism: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KafkaSecurity:
    """How the link to Kafka is protected.

    Attributes:
        tls: None: not encrypted.
        login: None: the certificate alone says who we are, or nobody asks.
    """

    tls: ssl.SSLContext | None
    login: Login | None


def kafka_security(settings: Settings) -> KafkaSecurity:
    """Understand `kafka.client` as librdkafka does (its CONFIGURATION.md), so that both clients do the same.

    Raises:
        ConfigurationError: with one line for each setting that the worker cannot obey; none is dropped in silence.
    """
    client = settings.kafka.client
    problems = tuple(_problems(client))
    if problems:
        raise ConfigurationError(*(f"kafka.client: {problem}" for problem in problems))
    protocol = _protocol(client)
    return KafkaSecurity(
        tls=_tls(client) if protocol.endswith("ssl") else None,
        login=_login(client) if protocol.startswith("sasl") else None,
    )


def _protocol(client: Mapping[str, str]) -> str:
    return client.get("security.protocol", "plaintext").lower()


def _mechanism(client: Mapping[str, str]) -> str:
    return client.get("sasl.mechanism", client.get("sasl.mechanisms", "")).upper()


def _problems(client: Mapping[str, str]) -> Iterator[str]:
    for key in client:
        if key not in ("security.protocol", *_LOGIN_SETTINGS, *_TLS_SETTINGS):
            yield f"the worker cannot obey {key}: {_INSTEAD.get(key, 'remove it')}"
    protocol = _protocol(client)
    if protocol not in _PROTOCOLS:
        yield f"security.protocol must be one of {', '.join(_PROTOCOLS)}"
        return
    if not protocol.endswith("ssl") and any(key in _TLS_SETTINGS for key in client):
        yield "ssl.* does nothing without TLS: set security.protocol to ssl or sasl_ssl"
    if protocol.startswith("sasl"):
        yield from _login_problems(client)
    elif any(key in _LOGIN_SETTINGS for key in client):
        yield "sasl.* does nothing without SASL: set security.protocol to sasl_ssl"
    if ("ssl.certificate.location" in client) != ("ssl.key.location" in client):
        yield "ssl.certificate.location goes with ssl.key.location: give both or none"
    if client.get("ssl.endpoint.identification.algorithm", "https").lower() not in {"https", "none"}:
        yield "ssl.endpoint.identification.algorithm must be https or none"
    if client.get("enable.ssl.certificate.verification", "true").lower() not in (*_TRUE, *_FALSE):
        yield "enable.ssl.certificate.verification must be true or false"


def _login_problems(client: Mapping[str, str]) -> Iterator[str]:
    if _mechanism(client) not in _MECHANISMS:
        yield f"sasl.mechanism must be one of {', '.join(_MECHANISMS)} for the worker"
    if not client.get("sasl.username") or not client.get("sasl.password"):
        yield "sasl.username or sasl.password is missing: give both"


def _login(client: Mapping[str, str]) -> Login:
    return Login(_mechanism(client), client["sasl.username"], client["sasl.password"])


def _tls(client: Mapping[str, str]) -> ssl.SSLContext:
    context = _trusting(client.get("ssl.ca.location"), client.get("ssl.ca.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if client.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    if client.get("enable.ssl.certificate.verification", "true").lower() in _FALSE:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl.certificate.location" in client:
        _show_certificate(context, client)
    if "ssl.cipher.suites" in client:
        try:
            context.set_ciphers(client["ssl.cipher.suites"])
        except ssl.SSLError as exc:
            raise ConfigurationError(
                "kafka.client: ssl.cipher.suites names no cipher that is known: correct it"
            ) from exc
    return context


def _trusting(location: str | None, pem: str | None) -> ssl.SSLContext:
    if location in {None, "probe"} and pem is None:
        return ssl.create_default_context()
    path = Path(location or "")
    try:
        return ssl.create_default_context(
            cafile=location if location is not None and not path.is_dir() else None,
            capath=location if location is not None and path.is_dir() else None,
            cadata=pem,
        )
    except OSError as exc:  # ssl.SSLError is one
        what = "ssl.ca.pem" if location is None else f"ssl.ca.location {location}"
        raise ConfigurationError(
            f"kafka.client: {what} holds no certificate in PEM that can be read: correct it"
        ) from exc


def _show_certificate(context: ssl.SSLContext, client: Mapping[str, str]) -> None:
    certificate, key = client["ssl.certificate.location"], client["ssl.key.location"]
    try:
        # Never without a password: OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=client.get("ssl.key.password", ""))
    except OSError as exc:
        raise ConfigurationError(
            f"kafka.client: ssl.certificate.location {certificate} and ssl.key.location {key} cannot be used: give a"
            " certificate and its key in PEM, and ssl.key.password if the key has one"
        ) from exc
