"""The LDAP connection: the operations of RFC 4511 as coroutines, many in flight at a time.

slapd runs the requests of one connection in parallel and in any order. Whoever needs an order waits for the replies of
what must be before (`ldap_sink.protocol.ordering`).
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self

from ldap_sink.protocol import messages
from ldap_sink.protocol.controls import Control, encode_controls, manage_dsa_it
from ldap_sink.protocol.exchange import LIGHT, MAX_MESSAGE_BYTES, Exchange, Permit, unconditionally
from ldap_sink.protocol.link import Link
from ldap_sink.protocol.link_failures import LinkFailure
from ldap_sink.protocol.messages import Scope
from ldap_sink.protocol.opening import Address, open_link, upgrade
from ldap_sink.protocol.paging import Pager, Query
from ldap_sink.protocol.results import NO_SUCH_OBJECT, SUCCESS, Entry, LdapResultError, Result
from ldap_sink.protocol.slots import Slots
from schemas.errors import NotSent

if TYPE_CHECKING:
    from schemas.entries import AttributeChange

__all__ = ["Connection", "Scope"]

_GOOD_BYE_SECONDS: Final = 5.0


class Connection:
    """A connection to one server. Made by `open`; used in the event loop that opened it.

    Every operation raises:
        LdapResultError: the server answered with anything but success.
        NotSent: the request never left: safe to send again, on another connection.
        MaybeApplied: the request left and its reply is missing.
        Permanent: the request is larger than the server would take (`too_large`); the connection goes on.
    """

    def __init__(self, link: Link, *, max_message_bytes: int, handshake_timeout: float) -> None:
        self._link = link
        self._exchange = Exchange(link, max_message_bytes)
        self._pager = Pager(self._exchange)
        self._handshake_timeout = handshake_timeout

    @classmethod
    async def open(  # noqa: PLR0913 - what a connection is made of
        cls,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        source_address: str | None = None,
        connect_timeout: float = 5.0,
        operation_timeout: float = 30.0,
        window: int = 64,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> Self:
        """Connect.

        Args:
            host: name or address.
            port: TCP port.
            tls: speak TLS from the first octet (LDAPS).
            server_hostname: the name that the certificate must carry; default `host`.
            source_address: the local address to connect from.
            connect_timeout: seconds, for name, TCP and TLS together.
            operation_timeout: seconds without a word about a request, after which the connection is aborted.
            window: requests in flight; slapd drops connections with more than 100 (anonymous) or 1,000 (bound).
            max_message_bytes: slapd's `sockbuf_max_incoming_auth`, less some slack; anonymous, 256 KB at most.

        Raises:
            NotSent: no connection.
            Halting: the server's certificate is refused.
        """
        link = await open_link(
            Address(host, port, server_hostname or host, source_address),
            tls,
            Slots(window),
            connect_timeout=connect_timeout,
            operation_timeout=operation_timeout,
        )
        return cls(link, max_message_bytes=max_message_bytes, handshake_timeout=connect_timeout)

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Encrypt the connection (RFC 4511 section 4.14). A handshake that fails ends it: no way back to plaintext.

        Raises:
            RuntimeError: something is in flight.
            Halting: the server's certificate is refused.
        """
        await self._exchange.ask_alone("extended", messages.extended(messages.START_TLS), last_plaintext=True)
        await upgrade(self._link, context, server_hostname, timeout=self._handshake_timeout)
        self._link.slots.release_all()

    @property
    def certificate(self) -> bytes | None:
        """The server's certificate in DER; None without TLS."""
        tls: ssl.SSLObject | None = self._link.transport.get_extra_info("ssl_object")
        return None if tls is None else tls.getpeercert(binary_form=True)

    async def bind(self, dn: str, password: bytes, controls: Sequence[Control] = ()) -> Result:
        """Authenticate with a simple bind (RFC 4513 section 5.1).

        Raises:
            ValueError: the password is empty: the server would take that for an anonymous bind and say success.
            RuntimeError: something is in flight.
        """
        if not password:
            raise ValueError("a bind with an empty password is an unauthenticated one (RFC 4513 section 5.1.2)")
        exchange = self._exchange
        exchange.bound = False
        result = await exchange.ask_alone("bind", messages.bind(dn, password), encode_controls(tuple(controls)))
        exchange.bound = bool(dn)
        self._link.slots.release_all()
        return result

    async def add(
        self,
        dn: str,
        attributes: Mapping[str, Sequence[bytes]],
        controls: Sequence[Control] = (),
        permit: Permit = unconditionally,
    ) -> Result:
        """Create an entry (RFC 4511 section 4.7); an attribute without values is left out."""
        weight = LIGHT + messages.weigh(attributes)
        return await self._exchange.ask("add", weight, controls, messages.add, dn, attributes, permit=permit)

    async def modify(
        self,
        dn: str,
        changes: Sequence["AttributeChange"],
        controls: Sequence[Control] = (),
        permit: Permit = unconditionally,
    ) -> Result:
        """Change attributes of an entry, all or none (RFC 4511 section 4.6)."""
        weight = LIGHT + sum(len(value) for change in changes for value in change.values)
        return await self._exchange.ask("modify", weight, controls, messages.modify, dn, changes, permit=permit)

    async def modify_dn(
        self,
        dn: str,
        new_rdn: str,
        *,
        delete_old_rdn: bool,
        new_superior: str | None = None,
        controls: Sequence[Control] = (),
        permit: Permit = unconditionally,
    ) -> Result:
        """Rename an entry, move it below another parent, or both (RFC 4511 section 4.9)."""

        def encode() -> bytes:
            return messages.modify_dn(dn, new_rdn, delete_old_rdn=delete_old_rdn, new_superior=new_superior)

        return await self._exchange.ask("modify_dn", LIGHT, controls, encode, permit=permit)

    async def delete(self, dn: str, controls: Sequence[Control] = (), permit: Permit = unconditionally) -> Result:
        """Remove an entry that has no children (RFC 4511 section 4.8)."""
        return await self._exchange.ask("delete", LIGHT, controls, messages.delete, dn, permit=permit)

    async def extended(self, oid: str, value: bytes | None = None) -> Result:
        """Perform an extended operation (RFC 4511 section 4.12); its answer is `Result.value`."""
        weight = LIGHT + len(value or b"")
        return await self._exchange.ask("extended", weight, (), messages.extended, oid, value)

    async def set_password(self, dn: str, password: bytes, permit: Permit = unconditionally) -> None:
        """Give an entry a new password (RFC 3062); the server stores it as its policy says."""

        def encode() -> bytes:
            return messages.extended(messages.PASSWORD_MODIFY, messages.password_modify_value(dn, password))

        await self._exchange.ask("password", LIGHT + len(password), (), encode, permit=permit)

    async def read(
        self,
        dn: str,
        attributes: Sequence[str] = (),
        filter_: str = "(objectClass=*)",
        controls: Sequence[Control] = (),
    ) -> Entry | None:
        """Read one entry; None when it does not exist, is not visible, or does not match.

        Without `attributes` all user attributes come; operational ones must be named.
        """
        try:
            found = await self.search(dn, filter_, attributes, scope=Scope.BASE, controls=controls)
        except LdapResultError as exc:
            if exc.result.code == NO_SUCH_OBJECT:
                return None
            raise
        return found[0] if found else None

    async def search(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str] = (),
        *,
        scope: Scope = Scope.SUBTREE,
        size_limit: int = 0,
        controls: Sequence[Control] = (),
    ) -> list[Entry]:
        """Search in one piece (RFC 4511 section 4.5); for many entries use `pages`.

        Referral objects are entries like others (ManageDsaIT).

        Raises:
            InvalidFilter: the filter is not one of RFC 4515.
            LdapResultError: also when a limit cut the answer short: what came is dropped.
        """
        exchange = self._exchange
        asked = (manage_dsa_it(), *controls)
        answer = await exchange.start(LIGHT, asked, messages.search, base, scope, filter_, attributes, size_limit)
        result, raw = await answer
        if result.code != SUCCESS:
            raise LdapResultError("search", result)
        return await exchange.decode(raw)

    def pages(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        page_size: int = 1000,
        scope: Scope = Scope.SUBTREE,
    ) -> AsyncGenerator[list[Entry], None]:
        """Search in pages (RFC 2696); the next page is on its way while one is decoded.

        The event loop gets its turn after every 100 entries. Close the iterator (`contextlib.aclosing`) when leaving
        it early.

        Raises:
            RuntimeError: another paged search runs on this connection: slapd would mix up their cookies.
            LdapResultError: also when a limit cut the answer short.
        """
        return self._pager.pages(Query(base, scope, filter_, attributes, page_size))

    def raw_pages(
        self,
        base: str,
        filter_: str,
        attributes: Sequence[str],
        *,
        page_size: int = 1000,
        scope: Scope = Scope.SUBTREE,
    ) -> AsyncGenerator[list[bytes], None]:
        """As `pages`, for who does not need all entries decoded: the contents of their messages."""
        return self._pager.raw_pages(Query(base, scope, filter_, attributes, page_size))

    async def close(self) -> None:
        """Wait for what is in flight, say good-bye, close: the operation timeout and five seconds at most."""
        link = self._link
        link.slots.close(NotSent(LinkFailure.CLOSED, "the connection was closed"))
        try:
            await link.slots.drained()
            link.unbind()
            async with asyncio.timeout(_GOOD_BYE_SECONDS):
                await link.ended()
        except TimeoutError:
            link.transport.abort()
            await link.ended()
        except BaseException as exc:
            link.fail(exc)
            raise

    def abort(self, reason: BaseException) -> None:
        """Drop the connection at once; what is in flight fails with `MaybeApplied`."""
        self._link.fail(reason)

    @property
    def closed(self) -> BaseException | None:
        """Why the connection ended; None while it lives."""
        return self._link.closed

    async def wait_closed(self) -> BaseException:
        """Wait until the connection has ended; return why."""
        return await self._link.ended()
