"""Users' passwords, written by the Password Modify operation (RFC 3062; design section 5, "Passwords")."""

from functools import partial
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.locating import guesses, locate_own
from ldap_sink.marks import IdMark
from ldap_sink.probing import Prober
from ldap_sink.settings import DirectorySettings, Encryption
from schemas.entries import AttributeChange, Modify, ModifyOperation
from schemas.errors import ConfigurationError, DeadLetterReason, MaybeApplied, NotSent, Permanent, Retryable
from schemas.states import Binding

MAX_ROUNDS: Final = 8

# What slapd's ppolicy says of the password that the entry has already, and the word that is in what servers say of one
# that it had before. The code is constraintViolation for every rule of the policy.
_PRESENT: Final = "not being changed from existing value"
_FORMER: Final = "history"


def require_protection(settings: DirectorySettings) -> None:
    """See that users' passwords may travel to the server.

    That it is on this machine is no excuse: it is one for the administrator's password alone.

    Raises:
        ConfigurationError: they would travel unencrypted, and nobody allowed that.
    """
    if settings.encryption is Encryption.NONE and not settings.allow_plaintext:
        raise ConfigurationError(
            "sync.passwords: passwords may not travel unencrypted: set connection.start_tls, or use ldaps://;"
            " connection.allow_plaintext allows it all the same"
        )


class PasswordWriter:
    """Gives bound entries their passwords. All that `Directory` raises is raised here, but `Conflict`.

    Args:
        directory: where they go.
        prober: tells whose fault a refusal is that does not say so.

    Raises:
        ConfigurationError: as `require_protection`.
    """

    def __init__(self, directory: Directory, prober: Prober) -> None:
        require_protection(directory.settings)
        self._directory = directory
        self._prober = prober

    async def write(
        self, binding: Binding, password: bytes, mark: IdMark | None = None, *, again: bool = False
    ) -> tuple[Modify, ...] | None:
        """Give the bound entry a password; a reply that is lost is answered by giving it the same one again.

        Args:
            binding: one of another target means that there is no entry.
            password: in UTF-8.
            mark: where an id attribute is configured: an entry that carries another id is not ours.
            again: it may have been written before; a policy may call it a former one then.

        Returns:
            What was written, for people, without the password; nothing when the entry had it; None when the entry is
            nowhere.

        Raises:
            Permanent: `password_refused`, with the server's words.
            Retryable: also when somebody else changes the entry again and again.
        """
        if binding.target.lower() != self._directory.target:
            return None
        last: Exception | None = None
        for _ in range(MAX_ROUNDS):
            found = await locate_own(self._directory, binding, guesses(binding, None), (), mark)
            if found is None:
                return None
            try:
                await self._prober.judging(partial(self._directory.set_password, found, password))
            except (Conflict, NotSent) as exc:
                last = exc
            except MaybeApplied as exc:
                last, again = exc, True
            except Permanent as exc:
                if _PRESENT in exc.detail or (again and _FORMER in exc.detail):
                    return ()
                # Not `from exc`, whose words may repeat the password.
                raise Permanent(DeadLetterReason.PASSWORD_REFUSED, _words(exc, password)) from None
            else:
                return (Modify(found.dn, (AttributeChange(ModifyOperation.REPLACE, "userPassword", ()),)),)
        raise Retryable("not_converging", "the entry is changed again and again") from last


def _words(refusal: Permanent, password: bytes) -> str:
    """The server's words, unless they repeat the password: what checks its quality may be anybody's module."""
    if password.decode(errors="replace") in refusal.detail:
        return "the server refuses the password in words that repeat it"
    return refusal.detail
