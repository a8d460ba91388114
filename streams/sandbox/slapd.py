"""Debian's slapd, run by hand on a loopback port with a folder of its own."""

import secrets
import shutil
import subprocess
from pathlib import Path

from schemas.errors import CommandFailed
from streams.sandbox.processes import LOOPBACK, Child, free_port, wait_for_port
from streams.sandbox.server import Server
from streams.sandbox.slapd_configuration import (
    ADMIN_DN,
    CONFIG_DN,
    DATABASE_CONFIG_DN,
    SUFFIX,
    SYNC_DN,
    TARGET_DN,
    SlapdOptions,
    SlapdPasswords,
    SlapdPlace,
    TlsFiles,
    first_entries,
    slapd_conf,
)

__all__ = ["Slapd", "SlapdOptions", "TlsFiles"]

_PROGRAM = Path("/usr/sbin/slapd")
_SCHEMAS = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")
_APPARMOR_PROFILE = Path("/etc/apparmor.d/usr.sbin.slapd")
_MISSING = "slapd is not installed: sudo apt-get install slapd ldap-utils"
# An anonymous bind, version 3 (RFC 4511, 4.2): any reply to it means that slapd is ready.
_ANONYMOUS_BIND = bytes.fromhex("300c020101600702010304008000")


class Slapd(Server):
    """A slapd that holds `dc=example,dc=com` and `ou=company,dc=example,dc=com`, and nothing else of yours.

    It is reached on `uri` (and `ldaps_uri` with TLS). Two administrators may write: `admin_dn`, the rootdn, whom no
    access rule, limit or password policy binds; and `sync_dn`, who is bound by them.

    Args:
        options: what differs from the default.
        log_level: of slapd's own log, e.g. `stats` (slapd.conf(5), loglevel); every logged line costs speed.
        parent: where its folder is made (see `Server`).
    """

    suffix = SUFFIX
    admin_dn = ADMIN_DN
    sync_dn = SYNC_DN
    target_dn = TARGET_DN
    host = LOOPBACK

    def __init__(
        self, options: SlapdOptions | None = None, *, log_level: str = "none", parent: Path | None = None
    ) -> None:
        super().__init__("slapd", parent)
        self.options = options or SlapdOptions()
        self.ldaps_port = None if self.options.tls is None else free_port()
        self._passwords = SlapdPasswords(*(secrets.token_urlsafe(16) for _ in range(3)))
        self._configuration = self.folder / "slapd.conf"
        self._config_password_file = self.folder / "config-password"
        self._log_level = log_level
        self._read_only = False

    @property
    def uri(self) -> str:
        """Its plain address; StartTLS is offered here when there is TLS."""
        return f"ldap://{self.host}:{self.port}"

    @property
    def ldaps_uri(self) -> str:
        """Its TLS address.

        Raises:
            ValueError: it was made without TLS.
        """
        if self.ldaps_port is None:
            raise ValueError("this slapd was made without TLS")
        return f"ldaps://{self.host}:{self.ldaps_port}"

    @property
    def admin_password(self) -> str:
        """The rootdn's password."""
        return self._passwords.admin

    @property
    def sync_password(self) -> str:
        """The other administrator's password."""
        return self._passwords.sync

    def start(self) -> None:
        """See `Server`."""
        program = self._program()
        self._write_configuration()
        if not self._data.exists():
            self._load_first_entries()
        uris = self.uri if self.ldaps_port is None else f"{self.uri} {self.ldaps_uri}"
        self._child = Child(
            [program, "-d", self._log_level, "-h", uris, "-f", str(self._configuration)],
            log=self.log,
        )
        wait_for_port(self.port, request=_ANONYMOUS_BIND, child=self._child)

    def load(self, entries: Path) -> None:
        """Adds the entries of an LDIF file, faster than over LDAP; after its first start, while it is stopped.

        Operational attributes may be given. It is not slapadd's quick mode (`-q`): that leaves long lists of free pages
        behind, and every later write writes what is left of one.

        Raises:
            CommandFailed: slapadd refused one of them; those before it are there.
        """
        self._add_offline("-l", str(entries), timeout_seconds=None)

    def set_read_only(self, read_only: bool) -> None:  # noqa: FBT001 - reads as what it does
        """Refuses writes (unwillingToPerform) or takes them again, without a restart; a restart keeps it."""
        value = "TRUE" if read_only else "FALSE"
        self.modify_configuration(
            f"dn: {DATABASE_CONFIG_DN}\nchangetype: modify\nreplace: olcReadOnly\nolcReadOnly: {value}\n"
        )
        self._read_only = read_only

    def modify_configuration(self, ldif: str) -> None:
        """Changes `cn=config` while it runs; the next start forgets it.

        Raises:
            CommandFailed: slapd refused the change.
        """
        _run("ldapmodify", "-H", self.uri, "-x", "-D", CONFIG_DN, "-y", str(self._config_password_file), stdin=ldif)

    def _program(self) -> str:
        if not _PROGRAM.exists() or shutil.which("ldapmodify") is None:
            raise CommandFailed(_MISSING)
        if not _APPARMOR_PROFILE.exists():
            return str(_PROGRAM)
        # Ubuntu's profile for this path forbids slapd every folder but its own; a copy elsewhere has no profile.
        copy = self.folder / "slapd"
        if not copy.exists():
            shutil.copy(_PROGRAM, copy)
        return str(copy)

    def _write_configuration(self) -> None:
        place = SlapdPlace(schemas=_SCHEMAS, modules=_MODULES, data=self._data, pid_file=self.folder / "slapd.pid")
        text = slapd_conf(self.options, place, self._passwords, read_only=self._read_only)
        for file, content in ((self._configuration, text), (self._config_password_file, self._passwords.config)):
            file.touch(mode=0o600)
            file.write_text(content, encoding="utf-8")

    def _load_first_entries(self) -> None:
        self._data.mkdir(mode=0o700)
        ldif = first_entries(self.options, self._passwords)
        try:
            self._add_offline("-q", stdin=ldif)
        except CommandFailed:
            shutil.rmtree(self._data)
            raise

    def _add_offline(self, *arguments: str, stdin: str = "", timeout_seconds: float | None = 60) -> None:
        offline = (self._program(), "-T", "add", "-b", SUFFIX, "-f", str(self._configuration))
        _run(*offline, *arguments, stdin=stdin, timeout_seconds=timeout_seconds)


def _run(*command: str, stdin: str, timeout_seconds: float | None = 60) -> None:
    # LDAPNOINIT: the machine's ldap.conf(5) must not change what a sandbox does.
    done = subprocess.run(  # noqa: S603 - the commands are this module's own
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={"LDAPNOINIT": "1"},
        timeout=timeout_seconds,
    )
    if done.returncode != 0:
        raise CommandFailed(f"{Path(command[0]).name} failed: {done.stderr.strip().replace(chr(10), '; ')}")
