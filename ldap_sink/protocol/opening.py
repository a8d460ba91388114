"""Opening a link, and TLS on it. The failures of sockets and TLS become ours here."""

import asyncio
import os
import re
import ssl
from dataclasses import dataclass
from typing import Final

from ldap_sink.protocol.link import Link
from ldap_sink.protocol.link_failures import LinkFailure, not_sent
from ldap_sink.protocol.slots import Slots
from schemas.errors import Halting, LdapflowError, NotSent
from schemas.halt_reasons import HaltReason

_TLS_SHUTDOWN_SECONDS: Final = 1.0

# What OpenSSL says of octets that are no TLS, in one version or another.
_NOT_TLS: Final = frozenset({"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})

_BROKEN_OFF: Final = "the server broke off the TLS handshake: it must speak TLS 1.2 or newer"

# And of a server that speaks older versions of TLS alone: its refusal of ours, or ours of its.
_TOO_OLD: Final = frozenset({"TLSV1_ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server is, and from where to call it.

    Attributes:
        server_hostname: the name that its certificate must carry.
        source: the local address, or None for the system's choice.
    """

    host: str
    port: int
    server_hostname: str
    source: str | None


async def open_link(
    address: Address, tls: ssl.SSLContext | None, slots: Slots, *, connect_timeout: float, operation_timeout: float
) -> Link:
    """Connect, by LDAPS when there is a context.

    Raises:
        NotSent: no connection.
        Halting: the server's certificate is refused, or its TLS is too old.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(connect_timeout):
            _, link = await loop.create_connection(
                lambda: Link(slots, operation_timeout),
                address.host,
                address.port,
                ssl=tls,
                server_hostname=None if tls is None else address.server_hostname,
                local_addr=None if address.source is None else (address.source, 0),
                ssl_handshake_timeout=None if tls is None else connect_timeout,
                ssl_shutdown_timeout=None if tls is None else _TLS_SHUTDOWN_SECONDS,
            )
    except OSError as exc:
        origin = "" if address.source is None else f" from {address.source}"
        what = f"no connection to {address.host}:{address.port}{origin}"
        if tls is not None and _is_broken_off(exc):
            what += f": {_BROKEN_OFF}"
            advice = "if it does not speak TLS on this port, use ldap:// with connection.start_tls, or its port for TLS"
            raise NotSent(LinkFailure.CONNECT_FAILED, f"{what}; {advice}") from exc
        raise _translated(exc, what) from exc
    return link


async def upgrade(link: Link, context: ssl.SSLContext, server_hostname: str, *, timeout: float) -> None:  # noqa: ASYNC109 - asyncio's own
    """Begin TLS on a link whose StartTLS has just been granted. Any failure ends the link.

    Raises:
        NotSent: no TLS.
        Halting: the server's certificate is refused, or its TLS is too old.
    """
    if link.closed is not None:
        raise not_sent(link.closed)
    loop = asyncio.get_running_loop()
    try:
        transport = await loop.start_tls(
            link.transport,
            link,
            context,
            server_hostname=server_hostname,
            ssl_handshake_timeout=timeout,
            ssl_shutdown_timeout=_TLS_SHUTDOWN_SECONDS,
        )
    except OSError as exc:
        failure = _translated(exc, f"no TLS: {_BROKEN_OFF}" if _is_broken_off(exc) else "no TLS")
        link.end(failure)
        raise failure from exc
    except BaseException as exc:
        link.end(exc)
        raise
    if transport is None:  # how asyncio says that the peer closed during the handshake
        failure = NotSent(LinkFailure.CONNECT_FAILED, "no TLS: the connection was lost during the handshake")
        link.end(failure)
        raise failure
    link.transport = transport


def _translated(exc: OSError, what: str) -> LdapflowError:
    """Say in our words why there is no connection. The order matters: each class is a subclass of the next."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Halting(HaltReason.CERTIFICATE_REFUSED, f"{what}: the certificate is not trusted: {exc.verify_message}")
    if isinstance(exc, ssl.SSLError) and exc.reason in _TOO_OLD:
        return Halting(HaltReason.TLS_TOO_OLD, f"{what}: the server speaks no TLS of today ({exc.reason})")
    if isinstance(exc, TimeoutError):
        return NotSent(LinkFailure.CONNECT_TIMEOUT, f"{what}: no answer in time")
    return NotSent(LinkFailure.CONNECT_FAILED, f"{what}: {_reason(exc)}")


def _reason(exc: OSError) -> str:
    """The system's words; asyncio has its numbers, and addresses, of one attempt or of several, in one text only."""
    words = dict.fromkeys(os.strerror(int(number)) for number in re.findall(r"\[Errno (\d+)\]", str(exc)))
    return ", ".join(words) or exc.strerror or str(exc) or type(exc).__name__


def _is_broken_off(exc: OSError) -> bool:
    """Whether the peer was reached and does not seem to know TLS: slapd closes then, which asyncio calls a reset."""
    return isinstance(exc, ConnectionResetError) or (isinstance(exc, ssl.SSLError) and exc.reason in _NOT_TLS)
