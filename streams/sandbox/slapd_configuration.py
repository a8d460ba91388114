"""What a sandboxed slapd is configured with: text of slapd.conf(5) and of its first entries (LDIF, RFC 2849)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SUFFIX = "dc=example,dc=com"
ADMIN_DN = "cn=admin,dc=example,dc=com"
SYNC_DN = "cn=sync,dc=example,dc=com"
TARGET_DN = "ou=company,dc=example,dc=com"
POLICY_DN = "cn=default,ou=policies,dc=example,dc=com"
CONFIG_DN = "cn=config"
DATABASE_CONFIG_DN = "olcDatabase={1}mdb,cn=config"

_SCHEMAS = ("core", "cosine", "inetorgperson", "nis")
_GIBIBYTE = 1 << 30
_BASE_LDIF = """\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=company,dc=example,dc=com
objectClass: organizationalUnit
ou: company

dn: cn=sync,dc=example,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: sync
userPassword: {sync_password}
"""
_POLICY_LDIF = """
dn: ou=policies,dc=example,dc=com
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,dc=example,dc=com
objectClass: organizationalRole
objectClass: pwdPolicy
cn: default
"""
_POLICY = {"pwdAttribute": "userPassword", "pwdLockout": "TRUE", "pwdMaxFailure": "5"}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files of the server: its certificate (with its chain), its key, and the authority that signed it."""

    certificate: Path
    key: Path
    authority: Path


@dataclass(frozen=True, slots=True)
class SlapdOptions:
    """What may differ from one slapd to the next.

    Attributes:
        durable: whether every write is synced to the disk; without it data survives `kill`, not a power cut.
        policy: attributes of the default password policy (ppolicy overlay), added to `pwdLockout TRUE`;
            `None`: no overlay.
        modules: further modules to load, e.g. `memberof`.
        entries: LDIF of what it holds at its first start besides the target; operational attributes may be given.
        overlays: lines of the database section, after the overlay of the policy.
        global_lines: lines of the global section.
        tls: when given, slapd offers StartTLS and listens on ldaps too.
        size_limit: entries that a search may return to anyone but the rootdn.
        max_size: bytes that the database may grow to.
    """

    durable: bool = False
    policy: Mapping[str, str] | None = None
    modules: tuple[str, ...] = ()
    entries: str = field(default="", repr=False)
    overlays: tuple[str, ...] = ()
    global_lines: tuple[str, ...] = ()
    tls: TlsFiles | None = None
    size_limit: int = 500
    max_size: int = _GIBIBYTE


@dataclass(frozen=True, slots=True)
class SlapdPlace:
    """Where a slapd keeps its things."""

    schemas: Path
    modules: Path
    data: Path
    pid_file: Path


@dataclass(frozen=True, slots=True)
class SlapdPasswords:
    """Passwords made for one sandbox."""

    admin: str = field(repr=False)
    sync: str = field(repr=False)
    config: str = field(repr=False)


def slapd_conf(options: SlapdOptions, place: SlapdPlace, passwords: SlapdPasswords, *, read_only: bool) -> str:
    """The whole configuration file; it holds passwords, so only its owner may read it."""
    sections = (
        _global_section(options, place),
        ["database config", f"rootdn {CONFIG_DN}", f"rootpw {passwords.config}"],
        _database_section(options, place, passwords, read_only=read_only),
    )
    return "".join(f"{line}\n" for section in sections for line in [*section, ""])


def first_entries(options: SlapdOptions, passwords: SlapdPasswords) -> str:
    """LDIF of the entries that every sandbox starts with."""
    ldif = _BASE_LDIF.format(sync_password=passwords.sync)
    if options.policy is not None:
        policy = {**_POLICY, **options.policy}
        ldif += _POLICY_LDIF + "".join(f"{name}: {value}\n" for name, value in policy.items())
    return f"{ldif}\n{options.entries}"


def _global_section(options: SlapdOptions, place: SlapdPlace) -> Iterable[str]:
    yield from (f"include {place.schemas / name}.schema" for name in _SCHEMAS)
    yield f"pidfile {place.pid_file}"
    yield f"modulepath {place.modules}"
    policy = () if options.policy is None else ("ppolicy",)
    yield from (f"moduleload {name}" for name in dict.fromkeys(("back_mdb", *policy, *options.modules)))
    # To its log file alone: the machine's own log is none of a sandbox's business.
    yield "loglevel none"
    yield f"sizelimit {options.size_limit}"
    if options.tls is not None:
        yield f"TLSCACertificateFile {options.tls.authority}"
        yield f"TLSCertificateFile {options.tls.certificate}"
        yield f"TLSCertificateKeyFile {options.tls.key}"
    yield from options.global_lines


def _database_section(
    options: SlapdOptions, place: SlapdPlace, passwords: SlapdPasswords, *, read_only: bool
) -> Iterable[str]:
    yield "database mdb"
    yield f'suffix "{SUFFIX}"'
    yield f'rootdn "{ADMIN_DN}"'
    yield f"rootpw {passwords.admin}"
    yield f"directory {place.data}"
    yield f"maxsize {options.max_size}"
    if not options.durable:
        yield "dbnosync"
    if read_only:
        yield "readonly on"
    yield "index objectClass,entryUUID,entryCSN,uid eq"
    yield f'access to attrs=userPassword by dn.exact="{SYNC_DN}" write by self write by anonymous auth by * none'
    yield f'access to * by dn.exact="{SYNC_DN}" write by * read'
    if options.policy is not None:
        yield "overlay ppolicy"
        yield f'ppolicy_default "{POLICY_DN}"'
    yield from options.overlays
