"""One connection that may be used: encrypted as configured, the server recognized, ourselves bound."""

import asyncio
import ipaddress
import socket
import ssl
from contextlib import suppress
from dataclasses import replace

from ldap_sink.failures import translate
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from ldap_sink.settings import DirectorySettings, Encryption
from ldap_sink.trust import check_pin, unverifying, verifying
from schemas.dn import DN
from schemas.errors import ConfigurationError, Halting, LdapflowError, NotSent, Retryable
from schemas.halt_reasons import HaltReason


def same_entry_uuid(one: str | None, other: str | None) -> bool:
    """Compare two entryUUIDs, which may be None, without regard to case (RFC 4530 section 2.2)."""
    return one is not None and other is not None and one.lower() == other.lower()


async def open_session(settings: DirectorySettings) -> Connection:
    """Connect, encrypt, check the certificate, bind; the target is not looked at.

    Raises:
        Retryable: the server cannot be reached now.
        Halting: the server's certificate, our password, or the lack of encryption forbid it.
    """
    connection = await open_encrypted(settings)
    try:
        await _bind(connection, settings)
    except BaseException as exc:
        connection.abort(exc)
        raise
    return connection


async def open_encrypted(settings: DirectorySettings) -> Connection:
    """Connect, encrypt and check the certificate.

    Raises:
        Retryable: the server cannot be reached now.
        Halting: the certificate is not to be trusted, StartTLS is refused, or plaintext is not allowed.
    """
    if settings.encryption is Encryption.NONE:
        return await _open(settings, None) if settings.allow_plaintext else await _open_within_this_machine(settings)
    connection = await _open(settings, verifying(settings))
    try:
        check_pin(connection.certificate, settings)
    except BaseException as exc:
        connection.abort(exc)
        raise
    return connection


async def read_certificate(settings: DirectorySettings) -> bytes | None:
    """The certificate that the server shows, in DER, whoever it is; None when the link is not to be encrypted.

    Nothing but StartTLS is sent.

    Raises:
        Retryable: the server cannot be reached now.
        Halting: it refuses TLS.
    """
    if settings.encryption is Encryption.NONE:
        return None
    connection = await _open(settings, unverifying())
    certificate = connection.certificate
    await connection.close()
    return certificate


async def _open(settings: DirectorySettings, context: ssl.SSLContext | None) -> Connection:
    connection = await Connection.open(
        settings.host,
        settings.port,
        tls=context if settings.encryption is Encryption.LDAPS else None,
        source_address=settings.source_address,
        connect_timeout=settings.connect_timeout,
        operation_timeout=settings.operation_timeout,
        window=settings.window,
    )
    if context is None or settings.encryption is Encryption.LDAPS:
        return connection
    try:
        await connection.start_tls(context, settings.host)
    except LdapResultError as exc:
        refused = Halting(HaltReason.START_TLS_REFUSED, str(exc))
        connection.abort(refused)
        raise refused from exc
    except BaseException as exc:
        connection.abort(exc)
        raise
    return connection


async def entry_uuid(connection: Connection, dn: DN) -> str | None:
    """Read an entry's entryUUID (RFC 4530); None when there is no such entry.

    Raises:
        Halting: it may not be read.
        LdapflowError: as for any other read.
    """
    try:
        entry = await connection.read(str(dn), ["entryUUID"])
    except LdapResultError as exc:
        raise _setup_failure(exc, HaltReason.TARGET_UNREADABLE) from exc
    if entry is None:
        return None
    values = next(iter(entry.attributes.values()), [])
    if not values:
        raise Halting(HaltReason.ENTRY_UUID_UNREADABLE, f"{dn} shows no entryUUID")
    return values[0].decode()


async def read_entry_uuid(settings: DirectorySettings, dn: DN) -> str | None:
    """Connect and read one entry's entryUUID, whatever the target is; None when there is no such entry."""
    connection = await open_session(settings)
    try:
        return await entry_uuid(connection, dn)
    finally:
        await connection.close()


async def check_target(connection: Connection, settings: DirectorySettings) -> None:
    """Make sure that the target node is the one that was pinned.

    Raises:
        Halting: it is not, or none was pinned.
        LdapflowError: as for any other read.
    """
    expected, target = settings.target_entry_uuid, settings.target_dn
    if expected is None:
        raise Halting(HaltReason.TARGET_NOT_PINNED, f"the entryUUID of {target} is not recorded")
    found = await entry_uuid(connection, target)
    if found is None:
        raise Halting(HaltReason.TARGET_MISSING, f"there is no {target}, expected with the entryUUID {expected}")
    if not same_entry_uuid(found, expected):
        raise Halting(
            HaltReason.TARGET_CHANGED,
            f"{target} has the entryUUID {found}, expected {expected}: another directory, or the node was made anew",
        )


async def _open_within_this_machine(settings: DirectorySettings) -> Connection:
    """Connect to one of the addresses that were looked at: another look-up might find another machine's."""
    addresses = await _addresses(settings)
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses):
        raise Halting(
            HaltReason.PLAINTEXT_REFUSED,
            f"{settings.host} is another machine and the link is not encrypted: the password would be readable on the"
            " way",
        )
    for address in addresses[:-1]:
        with suppress(NotSent):
            return await _open(replace(settings, host=address), None)
    return await _open(replace(settings, host=addresses[-1]), None)


async def _addresses(settings: DirectorySettings) -> list[str]:
    """Those of the server, in the system's order; one of IPv6 may carry its zone (`%eth0`)."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(settings.connect_timeout):
            found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except OSError as exc:
        raise NotSent("connect_failed", f"no address of {settings.host}: {exc}") from exc
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _bind(connection: Connection, settings: DirectorySettings) -> None:
    try:
        password = settings.password()
    except (OSError, ConfigurationError) as exc:
        raise Halting(HaltReason.PASSWORD_UNREADABLE, f"the administrator's password cannot be read: {exc}") from exc
    if not password:
        raise Halting(HaltReason.PASSWORD_UNREADABLE, "the administrator's password is empty")
    try:
        await connection.bind(settings.admin_dn, password)
    except LdapResultError as exc:
        raise _setup_failure(exc, HaltReason.BIND_REFUSED) from exc


def _setup_failure(error: LdapResultError, reason: HaltReason) -> LdapflowError:
    """Before the first event no refusal is an event's fault: what will not pass by itself halts."""
    failure = translate(error)
    return failure if isinstance(failure, Retryable | Halting) else Halting(reason, str(error))
