"""The directory: whether it answers, lets us in, is the right one, and takes what is written."""

from collections.abc import Callable
from contextlib import AbstractContextManager, aclosing
from types import TracebackType
from typing import Final, Self, TypeAlias

from ldap_sink.database_configuration import read_database_configuration
from ldap_sink.failures import translate
from ldap_sink.lock_proof import prove_lock
from ldap_sink.password_proof import password_refusal
from ldap_sink.probe_entries import find_probes
from ldap_sink.probing import probe
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from ldap_sink.reading import read_subschema, read_target
from ldap_sink.session import check_target, entry_uuid, open_encrypted, open_session
from ldap_sink.subschema import Subschema
from ldap_sink.trust import fingerprint
from schemas.dn import DN
from schemas.errors import Halting, Retryable
from schemas.halt_reasons import REMEDIES, HaltReason
from streams.checking.findings import Finding, advice, fault, fine
from streams.checking.index_checks import index_findings, searched_attributes
from streams.checking.running import Findings, to_its_end
from streams.checking.schema_checks import schema_findings
from streams.settings import Settings
from streams.settings.directory import directory_settings

Progress: TypeAlias = Callable[[str], AbstractContextManager[Callable[[int], None]]]
"""Shows how far what it is told of has come."""

_ROOT: Final = DN.parse("")
# slapd.conf(5) and slapd-config(5), `limits` and `olcLimits`.
_LIMITS: Final = {
    "size_limit_exceeded": "size=unlimited",
    "time_limit_exceeded": "time=unlimited",
    "admin_limit_exceeded": "size=unlimited size.unchecked=unlimited size.pr=unlimited size.prtotal=unlimited",
}


class DirectoryChecks:
    """The checks of one directory, which share a connection; used as an asynchronous context manager.

    Each method is one check; those after `bind` need it.
    """

    def __init__(self, settings: Settings, progress: Progress) -> None:
        self._settings = settings
        self._directory = directory_settings(settings)
        self._progress = progress
        self._connection: Connection | None = None
        self._subschema: Subschema | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, exc: BaseException | None, __: TracebackType | None) -> None:
        if self._connection is None:
            return
        if exc is not None:
            self._connection.abort(exc)
        else:
            await self._connection.close()

    async def connection(self) -> Findings:
        """Whether the server can be reached, and is who it should be."""
        settings = self._settings.connection
        try:
            connection = await open_encrypted(self._directory)
        except Retryable as exc:
            also = "" if self._settings.source_address is None else " or connection.endpoint"
            yield fault(
                f"LDAP at {settings.server} cannot be reached ({exc})", f"start it, or correct connection.server{also}"
            )
            return
        certificate = connection.certificate
        await connection.close()
        yield self._link(certificate)

    def _link(self, certificate: bytes | None) -> Finding:
        settings = self._settings.connection
        reached = f"LDAP at {settings.server} is reached"
        if certificate is None:
            encrypt = REMEDIES[HaltReason.CONFIDENTIALITY_REQUIRED]
            if self._settings.sync.passwords and not settings.allow_plaintext:
                return fault(f"{reached} unencrypted, and sync.passwords would not be obeyed so", encrypt)
            if self._settings.authentication.enabled and not settings.allow_plaintext:
                return fault(f"{reached} unencrypted, and `ldapflow auth` would not start so", encrypt)
            if settings.allow_plaintext and not settings.server.loopback:
                return advice(f"{reached} unencrypted: passwords can be read on the way", encrypt)
            return fine(f"{reached} unencrypted, on this machine")
        how = "TLS" if settings.server.tls else "StartTLS"
        if settings.certificate_fingerprints:
            return fine(f"{reached} by {how}, its certificate is pinned: {fingerprint(certificate)}")
        trusted = "by the system's authorities" if settings.ca_file is None else f"by {settings.ca_file}"
        return fine(f"{reached} by {how}, its certificate is trusted {trusted}")

    async def bind(self) -> Findings:
        """Whether the administrator may log on."""
        admin_dn = self._settings.connection.admin_dn
        try:
            self._connection = await open_session(self._directory)
        except Halting as exc:
            raise Halting(exc.reason, f"{admin_dn} cannot log on ({exc.detail})") from exc
        except Retryable as exc:
            server = self._settings.connection.server
            yield fault(f"{server} does not answer ({exc})", "see that an LDAP server is on that port, and well")
            return
        yield fine(f"as {admin_dn}")

    async def target(self) -> Findings:
        """Whether the target node is there, and the one that was pinned."""
        connection, target = self._bound(), self._directory.target_dn
        if await entry_uuid(connection, target) is None:
            raise Halting(HaltReason.TARGET_MISSING, f"there is no {target}")
        await check_target(connection, self._directory)
        yield fine(f"{target} is there, with the entryUUID that is recorded")

    async def write(self) -> Findings:
        """Whether anything can be written below the target."""
        connection, target = self._bound(), self._directory.target_dn
        try:
            await to_its_end(probe(connection, target))
        except Retryable as exc:
            yield fault(f"nothing can be written below {target} now ({exc})", "see the server's log, and try again")
            return
        yield fine(f"a probe entry was added below {target}, and removed")
        try:
            left = [dn for dn, _ in await find_probes(connection, target)]
        except LdapResultError as exc:
            raise translate(exc) from exc
        if left:
            yield advice(
                f"there are probe entries of other processes ({', '.join(map(str, left))}): they are at work, or were"
                " killed",
                "check again in a minute, which removes those that were left behind",
            )

    async def lock(self) -> Findings:
        """Whether an account that is locked is kept out."""
        await to_its_end(prove_lock(self._directory))
        yield fine("a probe entry could not log on while it was locked")

    async def passwords(self) -> Findings:
        """Whether passwords can be written, and are judged by the server's policy."""
        refusal = await to_its_end(password_refusal(self._bound(), self._directory.target_dn))
        if refusal is None:
            yield advice(
                "a probe entry could be given a password of one letter: the server's policy asks for no more, or does"
                " not hold for connection.admin_dn",
                "where passwords must obey a policy, set pwdCheckQuality and pwdMinLength, and let connection.admin_dn"
                " be an entry that is neither the rootdn nor has manage",
            )
        else:
            yield fine(f"the server's policy refused one that is too simple ({refusal})")

    async def schema(self) -> Findings:
        """Whether the server takes the entries that the mapping makes."""
        connection, target = self._bound(), self._directory.target_dn
        try:
            is_there = await entry_uuid(connection, target) is not None
            # Without a target, the server's own schema is the one that it would have.
            self._subschema = await read_subschema(connection, target if is_there else _ROOT)
        except LdapResultError as exc:
            raise translate(exc) from exc
        for finding in schema_findings(self._settings, self._subschema):
            yield finding

    async def indexes(self) -> Findings:
        """Whether what is searched for is indexed."""
        database = await read_database_configuration(self._bound(), self._directory.target_dn)
        subschema = self._subschema or Subschema({}, {})
        for finding in index_findings(searched_attributes(self._settings, subschema), database, subschema):
            yield finding

    async def entries(self) -> Findings:
        """Whether everything below the target can be read at once, as a verification does."""
        count = 0
        try:
            with self._progress("entries read") as show:
                async with aclosing(read_target(self._directory, ())) as pages:
                    async for page in pages:
                        count += len(page)
                        show(count)
        except Retryable as exc:
            limits = _LIMITS.get(exc.reason)
            if limits is None:
                raise
            line = f'dn.exact="{self._settings.connection.admin_dn}" {limits}'
            yield fault(
                f"a limit of the server cuts off the reading of the whole target ({exc})",
                f"raise it: `olcLimits: {line}` in cn=config, or `limits {line}` in slapd.conf",
            )
            return
        yield fine(f"{count} {'entry' if count == 1 else 'entries'} below the target could be read")

    def _bound(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("this check needs `bind`")
        return self._connection
