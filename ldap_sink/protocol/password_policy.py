"""The password policy control (draft-behera-ldap-password-policy-10 section 6): why a bind was refused, or what is due.

Send `password_policy()` with a bind; the answer is in its `Result`, or in the `LdapResultError.result` of a refusal.
"""

from enum import IntEnum
from typing import Final

from ldap_sink.protocol import ber
from ldap_sink.protocol.controls import Control
from ldap_sink.protocol.results import Result

PASSWORD_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - an OID

_ERROR: Final = 0x81


class PolicyError(IntEnum):
    """What the server's policy has against the bind or the password."""

    PASSWORD_EXPIRED = 0
    ACCOUNT_LOCKED = 1
    CHANGE_AFTER_RESET = 2
    PASSWORD_MOD_NOT_ALLOWED = 3
    MUST_SUPPLY_OLD_PASSWORD = 4
    INSUFFICIENT_PASSWORD_QUALITY = 5
    PASSWORD_TOO_SHORT = 6
    PASSWORD_TOO_YOUNG = 7
    PASSWORD_IN_HISTORY = 8


def password_policy() -> Control:
    """Ask the server to tell what its policy says. Not critical: a server without policies ignores it."""
    return Control(PASSWORD_POLICY)


def read_password_policy(result: Result) -> PolicyError | None:
    """What the policy says; None when it says nothing, or nothing that we know.

    slapd tells that an account is locked only with `ppolicy_use_lockout` (slapo-ppolicy(5)).
    """
    value = result.controls.get(PASSWORD_POLICY)
    if value is None:
        return None
    try:
        position, stop = ber.expect(value, 0, len(value), ber.SEQUENCE)
        while position < stop:
            tag, start, position = ber.header(value, position, stop)
            if tag == _ERROR:
                return PolicyError(int.from_bytes(value[start:position], "big"))
    except ValueError:  # malformed, or a later version's: a hint for people, never worth a failure
        return None
    return None
