"""Proves that a locked account cannot log on: whether it can, depends on the server's password policy alone."""

import contextlib
import secrets

from ldap_sink.failures import Conflict, translate
from ldap_sink.locking import LOCK_ATTRIBUTE, PERMANENT_LOCK
from ldap_sink.probe_entries import add_probe, new_probe, remove_older, remove_probe
from ldap_sink.probing import probe_failure
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from ldap_sink.session import check_target, open_encrypted, open_session
from ldap_sink.settings import DirectorySettings
from schemas.dn import DN
from schemas.entries import AttributeChange, ModifyOperation
from schemas.errors import Halting, Retryable
from schemas.halt_reasons import HaltReason


async def prove_lock(settings: DirectorySettings) -> None:
    """Lock a probe entry, and try to log on as it. Its password is random, kept nowhere, and gone with the entry.

    Raises:
        Halting: `lock_ineffective`, with the ways out; others as for any session, or when no probe can be written.
        Retryable: it cannot be tried now.
    """
    target, dn = settings.target_dn, new_probe(settings.target_dn)
    connection = await open_session(settings)
    try:
        await check_target(connection, settings)
        try:
            await remove_older(connection, target)
            await add_probe(connection, dn)
        except LdapResultError as exc:
            raise probe_failure(exc, target) from exc
        try:
            await _prove(settings, connection, dn)
        finally:
            with contextlib.suppress(LdapResultError, Retryable):  # the next probe removes it
                await remove_probe(connection, dn)
    finally:
        await connection.close()


async def _prove(settings: DirectorySettings, connection: Connection, dn: DN) -> None:
    password = secrets.token_urlsafe(24).encode()
    lock = AttributeChange(ModifyOperation.REPLACE, LOCK_ATTRIBUTE, (PERMANENT_LOCK,))
    try:
        await connection.set_password(str(dn), password)
    except LdapResultError as exc:
        raise _as_failure(exc, _ineffective(f"a probe entry's password is refused: {exc}")) from exc
    # A bind that fails anyway would prove nothing.
    if refusal := await _bind_refusal(settings, dn, password):
        raise _ineffective(f"a probe entry cannot log on even before it is locked: {refusal}") from refusal
    try:
        await connection.modify(str(dn), (lock,))
    except LdapResultError as exc:
        raise _as_failure(exc, _ineffective(f"{LOCK_ATTRIBUTE} is refused: {exc}")) from exc
    if await _bind_refusal(settings, dn, password) is None:
        raise _ineffective(f"a probe entry with {LOCK_ATTRIBUTE} still logs on")
    # Nor would one that fails because somebody cleared the entry away.
    try:
        found = await connection.read(str(dn))
    except LdapResultError as exc:
        raise _as_failure(exc, _ineffective(f"a probe entry cannot be read: {exc}")) from exc
    if found is None:
        raise Retryable("probe_disturbed", f"somebody removed {dn}")


async def _bind_refusal(settings: DirectorySettings, dn: DN, password: bytes) -> LdapResultError | None:
    connection = await open_encrypted(settings)
    try:
        await connection.bind(str(dn), password)
    except LdapResultError as exc:
        failure = translate(exc)
        if isinstance(failure, Retryable):
            raise failure from exc
        return exc
    finally:
        await connection.close()
    return None


def _as_failure(error: LdapResultError, otherwise: Halting) -> Halting | Retryable:
    """What will not pass by itself halts, for the reason that is told."""
    failure = translate(error)
    if isinstance(failure, Conflict):
        return Retryable("probe_disturbed", failure.detail)
    return failure if isinstance(failure, Retryable) else otherwise


def _ineffective(found: str) -> Halting:
    return Halting(HaltReason.LOCK_INEFFECTIVE, f"a locked account could log on: {found}")
