"""The types of single settings: each parses its text once and says what is wrong with it.

A message is the end of a sentence that begins with the path of the setting, and never repeats the value: it might be a
secret in the wrong place.
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo

from schemas.dn import DN, InvalidDN
from streams.settings.schedule import check_cron

MAX_PORT: Final = 65535
LDAP_PORT: Final = 389
LDAPS_PORT: Final = 636

_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_ATTRIBUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+)(;[A-Za-z0-9-]+)*")  # RFC 4512 section 2.5
_FINGERPRINT: Final = re.compile(r"sha256:([0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){31}|[0-9A-Fa-f]{64})", re.IGNORECASE)
_SOME_DN: Final = "cn=admin,dc=example,dc=com"
_TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where the LDAP server listens.

    Attributes:
        tls: True for ldaps:// (encrypted from the first byte); StartTLS is another setting.
    """

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ldap://host:port`, `ldaps://host:port` or `host:port`; the ports default to 389 and 636.

        Raises:
            ValueError: it is none of these.
        """
        scheme, separator, rest = text.strip().rpartition("://")
        scheme = scheme.lower() if separator else "ldap"
        if scheme not in {"ldap", "ldaps"}:
            raise ValueError("must begin with ldap:// or ldaps://")
        tls = scheme == "ldaps"
        host, port = split_host_port(rest.removesuffix("/"), LDAPS_PORT if tls else LDAP_PORT)
        return cls(host, port, tls)

    @property
    def url(self) -> str:
        """As it is written in the configuration."""
        return f"{'ldaps' if self.tls else 'ldap'}://{join_host_port(self.host, self.port)}"

    @property
    def loopback(self) -> bool:
        """Whether the name itself says that the traffic stays on this machine."""
        if self.host.lower().rstrip(".") == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where an HTTP service listens; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host:port`.

        Raises:
            ValueError: it is something else.
        """
        return cls(*split_host_port(text.strip(), None, lowest=0))

    def __str__(self) -> str:
        return join_host_port(self.host, self.port)


def split_host_port(text: str, default: int | None, *, lowest: int = 1) -> tuple[str, int]:
    """Take `host:port` or `[address]:port` apart.

    Raises:
        ValueError: no host, no port where none is assumed, or one that no service can have.
    """
    host, bracket, rest = text.removeprefix("[").partition("]")
    if text.startswith("["):
        if not bracket or not _is_ipv6(host):
            raise ValueError("must hold an IPv6 address between [ and ]")
        separator, port = rest[:1], rest[1:]
    else:
        if text.count(":") > 1:
            raise ValueError("must be host:port; an IPv6 address stands between [ and ]")
        host, separator, port = text.partition(":")
        if not _HOST.fullmatch(host):
            raise ValueError("must be host:port with the name or the address of a host")
    if not separator and not rest and default is not None:
        return host, default
    if separator != ":" or not port.isascii() or not port.isdigit() or not lowest <= int(port) <= MAX_PORT:
        raise ValueError(f"must end with a port from {lowest} to {MAX_PORT}")
    return host, int(port)


def _is_ipv6(text: str) -> bool:
    try:
        return ip_address(text).version == 6  # noqa: PLR2004 - the protocol's number
    except ValueError:
        return False


def join_host_port(host: str, port: int) -> str:
    """Write `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_fingerprint(text: str) -> str:
    """Read `sha256:AB:CD:…` (the colons may be missing) and write it in this form.

    Raises:
        ValueError: it is something else.
    """
    match = _FINGERPRINT.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            "must be sha256: and 32 hexadecimal octets (AB:CD:…): remove it and run `ldapflow fingerprint --pin`"
        )
    return f"sha256:{bytes.fromhex(match[1].replace(':', '')).hex(':').upper()}"


def _text(value: Any, like: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text such as {like}")  # noqa: TRY004 - pydantic reports ValueError, not TypeError
    return value


def _server(value: Any) -> ServerAddress:
    return value if isinstance(value, ServerAddress) else ServerAddress.parse(_text(value, "ldap://HOST:389"))


def _listen(value: Any) -> ListenAddress:
    return value if isinstance(value, ListenAddress) else ListenAddress.parse(_text(value, "127.0.0.1:9108"))


def _dn(value: Any) -> DN:
    if isinstance(value, DN):
        return value
    try:
        return DN.parse(_text(value, _SOME_DN))
    except InvalidDN as exc:
        raise ValueError(f"must be a DN such as {_SOME_DN}: {exc}") from exc


def _attribute(value: str) -> str:
    if not _ATTRIBUTE.fullmatch(value):
        raise ValueError("must be the name of an LDAP attribute")
    if value.partition(";")[0].lower() in {"userpassword", "2.5.4.35"}:
        raise ValueError("must not be userPassword: passwords are written by `sync.passwords`, never by a mapping")
    return value


def _object_classes(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("must name at least one object class")
    if len({name.lower() for name in value}) < len(value):
        raise ValueError("names an object class twice: keep one")
    return value


def _bootstrap_servers(value: str) -> str:
    for server in value.split(","):
        split_host_port(server.strip(), None)
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value) or value in {".", ".."}:
        raise ValueError("must be a topic's name: 1 to 249 letters, digits, dots, - and _")
    return value


def _uuid(value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError as exc:
        raise ValueError("must be an entryUUID: `ldapflow pin` writes it") from exc


def _address(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError as exc:
        raise ValueError("must be an IP address of this machine") from exc


def beside_configuration(value: Path, info: ValidationInfo) -> Path:
    """Let a relative path begin at the folder of the configuration."""
    folder = info.context.get("folder") if isinstance(info.context, dict) else None
    return value if folder is None else Path(folder) / value


def existing_file(value: Path) -> Path:
    """Accept the path of a file that is there.

    Raises:
        ValueError: it is not.
    """
    if not value.is_file():
        raise ValueError(f"{value} does not exist: create it, or correct the path")
    return value


def _cron(value: str) -> str:
    check_cron(value)
    return value


Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Server = Annotated[ServerAddress, PlainValidator(_server)]
Listen = Annotated[ListenAddress, PlainValidator(_listen)]
DistinguishedName = Annotated[DN, PlainValidator(_dn)]
Fingerprint = Annotated[str, AfterValidator(parse_fingerprint)]
AttributeName = Annotated[str, AfterValidator(_attribute)]
ObjectClasses = Annotated[tuple[Annotated[str, AfterValidator(_attribute)], ...], AfterValidator(_object_classes)]
BootstrapServers = Annotated[str, AfterValidator(_bootstrap_servers)]
TopicName = Annotated[str, AfterValidator(_topic)]
EntryUUID = Annotated[str, AfterValidator(_uuid)]
IPAddress = Annotated[str, AfterValidator(_address)]
ConfigPath = Annotated[Path, AfterValidator(beside_configuration)]
ExistingFile = Annotated[ConfigPath, AfterValidator(existing_file)]
Cron = Annotated[str, AfterValidator(_cron)]
KafkaValue = Annotated[str, BeforeValidator(lambda value: str(value).lower() if isinstance(value, bool) else value)]
