"""How the directory is reached: plain data that the configuration is turned into."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from schemas.dn import DN


class Encryption(StrEnum):
    """How the link is protected."""

    NONE = "none"
    START_TLS = "start_tls"
    LDAPS = "ldaps"


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is, who we are there, and what we may trust.

    Attributes:
        password: read again for every connection, so that a file may be changed while we run; may raise OSError or
            ConfigurationError.
        target_dn: nothing outside of it is ever written, nor is it itself.
        target_entry_uuid: what `ldapflow pin` recorded; None refuses to write.
        certificate_fingerprints: SHA-256 of certificates in hexadecimal, `sha256:` and colons as you like; when there
            are any, nothing else is trusted.
        ca_file: authorities in PEM; None: the system's.
        allow_plaintext: passwords may travel unencrypted beyond this machine.
        source_address: the local address to connect from.
        connect_timeout: seconds.
        operation_timeout: seconds.
        window: requests in flight.
        halted_retry: seconds after which the cause of a halt is looked at again.
        target_check: seconds between two looks at the target's entryUUID; with the time that a look may take, a target
            that is another one is noticed within a minute.
        backoff: seconds, shortest and longest, between two tries to connect.
    """

    host: str
    port: int
    admin_dn: str
    password: Callable[[], bytes] = field(repr=False)
    target_dn: DN
    target_entry_uuid: str | None
    encryption: Encryption = Encryption.NONE
    certificate_fingerprints: tuple[str, ...] = ()
    ca_file: Path | None = None
    allow_plaintext: bool = False
    source_address: str | None = None
    connect_timeout: float = 5.0
    operation_timeout: float = 30.0
    window: int = 64
    halted_retry: float = 30.0
    target_check: float = 30.0
    backoff: tuple[float, float] = (0.1, 10.0)
