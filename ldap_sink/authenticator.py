"""Logging on: who a login is, and whether the directory takes the password (design section 7)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self, TypeAlias

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict, Judged, translate
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.filters import any_of, both, equality
from ldap_sink.protocol.password_policy import PolicyError, password_policy, read_password_policy
from ldap_sink.protocol.results import NO_SUCH_OBJECT, LdapResultError
from ldap_sink.session import open_encrypted
from ldap_sink.settings import DirectorySettings, Encryption
from schemas.dn import DN
from schemas.entries import FoundEntry
from schemas.errors import ConfigurationError, Halting, NotSent, Permanent, Retryable

MAX_LOGIN_CHARACTERS: Final = 256

_CONNECTION_SECONDS: Final = 1.0  # a link that was just lost is mostly there again by then
_PATIENCE_SECONDS: Final = 10.0
_POOL_SIZE: Final = 8
_ENOUGH: Final = 10  # entries of one login: more are not asked for
_INAPPROPRIATE_AUTHENTICATION: Final = 48
_INVALID_CREDENTIALS: Final = 49
# The entry has no such password, has no password at all, or is gone. Nothing else proves that the password is wrong.
_WRONG: Final = frozenset({NO_SUCH_OBJECT, _INAPPROPRIATE_AUTHENTICATION, _INVALID_CREDENTIALS})


class Refusal(StrEnum):
    """Why somebody may not log on (contract section 6)."""

    INVALID_CREDENTIALS = "invalid_credentials"
    AMBIGUOUS_LOGIN = "ambiguous_login"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_EXPIRED = "account_expired"
    PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - a reason's name


_BY_POLICY: Final = {
    PolicyError.ACCOUNT_LOCKED: Refusal.ACCOUNT_LOCKED,
    PolicyError.PASSWORD_EXPIRED: Refusal.PASSWORD_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class LoggedOn:
    """The directory took the password of this entry."""

    dn: DN
    entry_uuid: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The answer is no.

    Attributes:
        reason: what the asker is told.
        bound: the password was shown to the directory.
        dns: the entries that the login means, as far as they were looked at: for operators, not for the asker.
    """

    reason: Refusal
    bound: bool = False
    dns: tuple[DN, ...] = ()


Attempt: TypeAlias = LoggedOn | Refused


class Authenticator:
    """Finds the entry of a login and binds as it. Used as an asynchronous context manager, in the directory's loop.

    Args:
        directory: searches; never binds as anybody else.
        object_classes: what an entry must have to be a user.
        sign_in_ids: the attributes of which one must hold the login.

    Raises:
        ConfigurationError: users' passwords would travel unencrypted, and nobody allowed that. That the server is on
            this machine is no excuse here: it is one for the administrator's password alone.
    """

    def __init__(self, directory: Directory, object_classes: Sequence[str], sign_in_ids: Sequence[str]) -> None:
        settings = directory.settings
        if settings.encryption is Encryption.NONE and not settings.allow_plaintext:
            raise ConfigurationError(
                "connection: the passwords of users may not travel unencrypted: set connection.start_tls, or use"
                " ldaps://; connection.allow_plaintext allows it all the same"
            )
        self._directory = directory
        self._classes = tuple(equality("objectClass", name) for name in object_classes)
        self._sign_in_ids = tuple(sign_in_ids)
        self._binds = _Binds(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._binds.close()

    async def attempt(self, login: str, password: bytes) -> Attempt:
        """Try to log on, within seconds.

        An empty password is refused here: a server takes a bind without one for an anonymous bind, and says success
        (RFC 4513 section 5.1.2).

        Raises:
            Retryable, Halting: the directory does not answer, or not to us: nothing is known about the password.
        """
        if not login or len(login) > MAX_LOGIN_CHARACTERS or not password:
            return Refused(Refusal.INVALID_CREDENTIALS)
        problem = self._directory.state.problem
        if isinstance(problem, Retryable):  # of a halt `session` tells
            raise Retryable(problem.reason, str(problem)) from problem
        try:
            async with asyncio.timeout(_CONNECTION_SECONDS):
                await self._directory.session()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._attempt(login, password)
        except TimeoutError as exc:
            raise Retryable("directory_unavailable", "it does not answer in time") from exc
        except (Conflict, Judged, Permanent) as exc:
            raise Retryable("refused", str(exc)) from exc

    async def _attempt(self, login: str, password: bytes) -> Attempt:
        found = await self._search(login)
        if found is None or len(found) > 1:
            return Refused(Refusal.AMBIGUOUS_LOGIN, dns=tuple(entry.dn for entry in found or ()))
        if not found:
            return Refused(Refusal.INVALID_CREDENTIALS)
        entry = found[0]
        try:
            await self._binds.bind(entry.dn, password)
        except LdapResultError as exc:
            return Refused(_reason(exc), bound=True, dns=(entry.dn,))
        # Somebody else's entry may have taken the DN between search and bind: then it was that one's password.
        now = await self._directory.read(entry.dn)
        if now is None or now.entry_uuid != entry.entry_uuid:
            raise Retryable("moved", f"{entry.dn} became another entry meanwhile")
        return LoggedOn(now.dn, now.entry_uuid)

    async def _search(self, login: str) -> list[FoundEntry] | None:
        """The entries that a login means; None when there are more than enough."""
        filter_ = both(*self._classes, any_of(*(equality(name, login) for name in self._sign_in_ids)))
        try:
            return await self._directory.find(filter_, size_limit=_ENOUGH)
        except Retryable as exc:
            if exc.reason == "size_limit_exceeded":
                return None
            raise


class _Binds:
    """Connections on which nothing but binds is done: each leaves its connection as the user who was bound."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(_POOL_SIZE)
        self._idle: list[Connection] = []
        self._closing = False

    async def bind(self, dn: DN, password: bytes) -> None:
        """Bind as an entry.

        Raises:
            LdapResultError: the server refuses.
            Retryable, Halting: it cannot be asked.
        """
        async with self._slots:
            while self._idle:
                with suppress(NotSent):  # the server had closed it meanwhile
                    return await self._bind(self._idle.pop(), dn, password)
            return await self._bind(await open_encrypted(self._settings), dn, password)

    async def close(self) -> None:
        """Close all connections."""
        self._closing = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.abort(Retryable("closed", "the connection is closed"))
            await connection.wait_closed()

    async def _bind(self, connection: Connection, dn: DN, password: bytes) -> None:
        try:
            await connection.bind(str(dn), password, [password_policy()])
        finally:
            if self._closing:
                connection.abort(Retryable("closed", "the connection is closed"))
            elif connection.closed is None:
                self._idle.append(connection)


def _reason(error: LdapResultError) -> Refusal:
    """Say what a refused bind means.

    Raises:
        Retryable, Halting: not that the password is wrong.
    """
    policy = read_password_policy(error.result)
    if policy in _BY_POLICY:
        return _BY_POLICY[policy]
    if error.result.code in _WRONG:
        return Refusal.INVALID_CREDENTIALS
    failure = translate(error)
    if isinstance(failure, Retryable | Halting):
        raise failure from error
    raise Retryable("bind_refused", str(failure)) from error
