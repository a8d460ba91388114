"""Proves that passwords can be written, and whether the server's policy judges them: both depend on its rules alone.

Source: slapo-ppolicy(5): the policy does not hold for the rootdn, nor for who has `manage` on the attribute.
"""

import contextlib
import secrets
import string
from typing import Final

from ldap_sink.failures import translate
from ldap_sink.probe_entries import add_probe, new_probe, remove_older, remove_probe
from ldap_sink.probing import probe_failure
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from schemas.dn import DN
from schemas.errors import Halting, Retryable
from schemas.halt_reasons import HaltReason

_CONSTRAINT_VIOLATION: Final = 19  # RFC 4511; what a policy says of each of its rules


async def password_refusal(connection: Connection, target: DN) -> str | None:
    """Give a probe entry a long password and then one of a single letter, both random and gone with the entry.

    The second one is a change, which a policy may forbid to who does not know the former password.

    Args:
        connection: of the administrator.
        target: the target node.

    Returns:
        How the server's policy refused one of them; None when it took both.

    Raises:
        Halting: `write_refused`: a password, or the probe entry, is refused for another reason.
        Retryable: it cannot be tried now.
    """
    dn = new_probe(target)
    try:
        await remove_older(connection, target)
        await add_probe(connection, dn)
    except LdapResultError as exc:
        raise probe_failure(exc, target) from exc
    try:
        for password in (secrets.token_urlsafe(24), secrets.choice(string.ascii_lowercase)):
            await connection.set_password(str(dn), password.encode())
    except LdapResultError as exc:
        if exc.result.code == _CONSTRAINT_VIOLATION:
            return str(exc)
        failure = translate(exc)
        if isinstance(failure, Retryable | Halting):
            raise failure from exc
        raise Halting(HaltReason.WRITE_REFUSED, f"a probe entry's password is refused with {exc}") from exc
    else:
        return None
    finally:
        with contextlib.suppress(LdapResultError, Retryable):  # the next probe removes it
            await remove_probe(connection, dn)
