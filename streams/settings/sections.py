"""The sections about the connection, what is synchronized, and the HTTP services (contract section 4)."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from schemas.dn import DN
from schemas.events import ROOT_ORGANIZATION
from streams.settings.section import Section
from streams.settings.values import (
    ConfigPath,
    Cron,
    DistinguishedName,
    EntryUUID,
    ExistingFile,
    Fingerprint,
    IPAddress,
    Listen,
    ListenAddress,
    Positive,
    Seconds,
    Server,
    Text,
    existing_file,
)

SHARED_ENDPOINT: Final = "shared"


class DisabledAccounts(StrEnum):
    """What becomes of the entry of an account that is disabled in the source."""

    LOCK = "lock"
    KEEP = "keep"
    REMOVE = "remove"


class Endpoint(Section):
    """A way for the connection to go out."""

    source_address: IPAddress
    """The address of this machine from which the LDAP server is reached."""


class Connection(Section):
    """How the LDAP server is reached."""

    server: Server
    """`ldap://host:389` or `ldaps://host:636`."""
    start_tls: bool = False
    """Encrypt an ldap:// connection before anything else is sent; a refusal is fatal."""
    certificate_fingerprints: tuple[Fingerprint, ...] = ()
    """`sha256:AB:CD…` of the server's certificate; when any is given, nothing else is trusted."""
    ca_file: ExistingFile | None = None
    """Trusted authorities (PEM); otherwise the system's."""
    allow_plaintext: bool = False
    """Send passwords over an unencrypted link."""
    endpoint: Text = SHARED_ENDPOINT
    """`shared`, or a name from `endpoints`."""
    admin_dn: DistinguishedName
    """Whom to bind as."""
    admin_password: SecretStr
    """The administrator's password, as `${ENV_NAME}` only."""
    admin_password_file: ConfigPath | None = None
    """Instead of `admin_password`: a file, relative to the configuration, that only its owner may read."""
    connect_timeout_seconds: Seconds = 5
    """For the connection, its TLS handshake and the bind, each."""
    operation_timeout_seconds: Seconds = 30
    """For the reply to one operation."""

    @property
    def encrypted(self) -> bool:
        """Whether everything after the handshake is."""
        return self.server.tls or self.start_tls

    @field_validator("start_tls")
    @classmethod
    def _once(cls, value: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic passes it so
        server = info.data.get("server")
        if value and server is not None and server.tls:
            raise ValueError("does not go with ldaps://, which is encrypted already: remove one of them")
        return value

    @field_validator("certificate_fingerprints")
    @classmethod
    def _of_a_link_that_shows_one(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        server = info.data.get("server")
        if value and server is not None and not server.tls and info.data.get("start_tls") is False:
            raise ValueError("say nothing of a link that is not encrypted: set start_tls, use ldaps://, or remove them")
        return value

    @field_validator("admin_dn")
    @classmethod
    def _somebody(cls, value: DN) -> DN:
        return _not_empty(value)


class Verification(Section):
    """When a full comparison runs by itself."""

    enabled: bool = True
    """Whether it does at all."""
    hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] | None = None
    """Hours of the day, instead of `cron`."""
    cron: Cron | None = None
    """Five fields, or the six of Quartz; `45 1 * * *` when neither is given."""

    @field_validator("hours")
    @classmethod
    def _some(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value == ():
            raise ValueError("names no hour: give some, or `enabled: false`")
        return value

    @field_validator("cron")
    @classmethod
    def _one_schedule(cls, value: str | None, info: ValidationInfo) -> str | None:
        hours = info.data.get("hours")
        if hours is not None and value is not None:
            raise ValueError("does not go with hours: keep one of them")
        return "45 1 * * *" if value is None and hours is None else value


class DeletionGuard(Section):
    """How many entries may go within the window before a person is asked; null is no limit of that sort."""

    accounts: Annotated[int, Field(ge=0)] | None = 30
    """So many accounts."""
    organizations: Annotated[int, Field(ge=0)] | None = 10
    """So many organizations."""
    percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    """So many percent of what is bound, of each kind."""
    window_minutes: Positive = 60
    """The sliding window."""


class Sync(Section):
    """What is synchronized where."""

    source_node: Text = ROOT_ORGANIZATION
    """The organization whose tree is synchronized."""
    target_dn: DistinguishedName
    """The entry under which it appears; nothing else is read or written."""
    target_entry_uuid: EntryUUID | None = None
    """Written by `ldapflow pin`; a worker refuses to write without it."""
    incremental: bool = True
    """Apply changes as they come; otherwise verifications apply them."""
    passwords: bool = False
    """Write the source's passwords to LDAP; needs an encrypted connection."""
    disabled_accounts: DisabledAccounts = DisabledAccounts.LOCK
    """`lock` (needs ppolicy with pwdLockout), `keep` or `remove`."""
    verification: Verification = Field(default_factory=Verification)
    """The schedule of the compaction job."""
    deletion_guard: DeletionGuard = Field(default_factory=DeletionGuard)
    """How many deletions are too many."""

    @field_validator("target_dn")
    @classmethod
    def _somewhere(cls, value: DN) -> DN:
        return _not_empty(value)


class Rate(Section):
    """How many tries the authentication service accepts."""

    per_login_per_minute: Positive = 10
    """Of one login."""
    per_address_per_minute: Positive = 60
    """From one address."""


class Authentication(Section):
    """The delegated-authentication service."""

    enabled: bool = False
    """Whether `auth` may run."""
    listen: Listen = ListenAddress("127.0.0.1", 8081)
    """Where it listens."""
    token: SecretStr | None = None
    """The bearer token that callers must show, as `${ENV_NAME}` only."""
    token_file: ConfigPath | None = None
    """Instead of `token`: a file that only its owner may read."""
    tls_certificate: ConfigPath | None = None
    """Certificate chain (PEM) of the service; without it, it speaks HTTP."""
    tls_key: ConfigPath | None = None
    """The key of the certificate."""
    rate: Rate = Field(default_factory=Rate)
    """Bounds against guessing."""

    @field_validator("token")
    @classmethod
    def _guarded(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("enabled"):
            raise ValueError("is missing: give token_file, or token: ${…}, or `enabled: false`")
        return value

    @field_validator("tls_certificate", "tls_key")
    @classmethod
    def _there(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return existing_file(value) if value is not None and info.data.get("enabled") else value

    @field_validator("tls_key")
    @classmethod
    def _pair(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if (value is None) != (info.data.get("tls_certificate") is None):
            raise ValueError("goes with tls_certificate: give both or none")
        return value


class MetricsSettings(Section):
    """Metrics and health."""

    listen: Listen = ListenAddress("127.0.0.1", 9108)
    """Where /metrics, /healthz and /readyz are served; `--metrics-listen` overrides it."""


def _not_empty(value: DN) -> DN:
    if not len(value):
        raise ValueError("must not be empty: give the DN of an entry")
    return value
