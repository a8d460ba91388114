"""Who may log on: the directory says who it is and whether the password is right, the account whether it may be used.

Both must say yes. What the account says is told only to who has shown the right password.
"""

from dataclasses import dataclass
from time import monotonic, time
from typing import Any, TypeAlias

import structlog

from ldap_sink.authenticator import Authenticator, LoggedOn, Refusal, Refused
from schemas.dn import DN
from streams.authentication.accounts import Accounts
from streams.authentication.pace import Pace

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Yes:
    """Login and password go together, and the account may be used.

    Attributes:
        user_id: None where the entry belongs to no account of the source.
    """

    dn: DN
    user_id: str | None

    @property
    def document(self) -> dict[str, Any]:
        """As JSON (contract section 6)."""
        return {"authenticated": True, "dn": str(self.dn), "userId": self.user_id}


@dataclass(frozen=True, slots=True)
class No:
    """They do not, or it may not."""

    reason: Refusal

    @property
    def document(self) -> dict[str, Any]:
        """As JSON (contract section 6)."""
        return {"authenticated": False, "reason": self.reason.value}


Answer: TypeAlias = Yes | No


class Logins:
    """Answers tries to log on, and logs each.

    The log never has the login: it may be a password in the wrong field. It names the entry, where there is one.
    """

    def __init__(self, authenticator: Authenticator, accounts: Accounts) -> None:
        self._authenticator = authenticator
        self._accounts = accounts
        self._pace = Pace()

    async def attempt(self, login: str, password: bytes, address: str) -> Answer:
        """Try to log on; a "no" takes as long for a login that nobody has as for a wrong password.

        Args:
            login: a value of one of `users.sign_in_ids`.
            password: in UTF-8.
            address: of who asks, for the log.

        Raises:
            Retryable, Halting: the directory does not answer: nothing is known.
        """
        began = monotonic()
        tried = await self._authenticator.attempt(login, password)
        if isinstance(tried, LoggedOn):
            bound, answer = True, self._judged(tried, address)
            if isinstance(answer, Yes):
                return answer
        else:
            bound, answer = tried.bound, No(tried.reason)
            if bound:
                self._pace.note(monotonic() - began)
            self._tell(tried, address)
        await self._pace.hold(began, bound=bound)
        return answer

    def _judged(self, tried: LoggedOn, address: str) -> Answer:
        account = self._accounts.behind(tried.entry_uuid)
        user_id = None if account is None else account.user_id
        reason = None if account is None else account.refusal(round(time() * 1000))
        words = {"dn": str(tried.dn), "id": user_id, "address": address}
        if reason is not None:
            log.info("login_refused", reason=reason.value, **words)
            return No(reason)
        log.info("logged_on", **words)
        return Yes(tried.dn, user_id)

    @staticmethod
    def _tell(tried: Refused, address: str) -> None:
        words = {"reason": tried.reason.value, "dns": list(map(str, tried.dns)), "address": address}
        if tried.reason is Refusal.AMBIGUOUS_LOGIN:
            # Nobody can log on so until a person makes the value one entry's own.
            log.error("login_ambiguous", **words)
        else:
            log.info("login_refused", **words)
