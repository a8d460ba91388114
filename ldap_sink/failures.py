"""What the directory's refusals mean: the one table from result code to failure class.

Codes: RFC 4511 appendix A, and the IANA registry "LDAP Result Codes" for those of later documents.
"""

from enum import Enum, auto
from typing import Final, TypeAlias

from ldap_sink.protocol.results import SUCCESS, LdapResultError
from schemas.errors import DeadLetterReason, Halting, LdapflowError, Permanent, Retryable
from schemas.halt_reasons import HaltReason

NOT_ALLOWED_ON_NON_LEAF: Final = 66
ENTRY_ALREADY_EXISTS: Final = 68

# The server's words are kept for people, in headers and states of limited size.
_MAX_DETAIL_BYTES: Final = 1024


class FailureClass(Enum):
    """What is to be done about a refusal."""

    RETRYABLE = auto()  # not now: wait and go on, for ever
    CONVERGE = auto()  # the entry is not as it was read: read again
    PERMANENT = auto()  # this event can never succeed
    HALTING = auto()  # we are wrong: write nothing
    JUDGED = auto()  # a probe entry tells which of the others it is


class Conflict(LdapflowError):
    """The directory is not as it was read: read again and decide anew.

    Attributes:
        code: the LDAP result code.
        matched_dn: of noSuchObject: the nearest ancestor that is there (RFC 4511 section 4.1.9).
        detail: the server's words.
    """

    def __init__(self, code: int, matched_dn: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.matched_dn = matched_dn
        self.detail = detail


class Judged(LdapflowError):
    """The directory refused, and the code does not say whose fault it is: a probe must tell.

    Attributes:
        code: the LDAP result code.
        detail: the server's words; those of the dead letter, if the probe succeeds.
    """

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# The word is the metric label (`ldapflow_retries_total`, `ldapflow_halted`); empty where the class needs none. What
# is missing here is judged by a probe.
_Row: TypeAlias = tuple[FailureClass, str]
_TABLE: Final[dict[int, _Row]] = {
    3: (FailureClass.RETRYABLE, "time_limit_exceeded"),
    4: (FailureClass.RETRYABLE, "size_limit_exceeded"),
    8: (FailureClass.HALTING, HaltReason.STRONGER_AUTH_REQUIRED),
    10: (FailureClass.HALTING, HaltReason.REFERRAL),
    11: (FailureClass.RETRYABLE, "admin_limit_exceeded"),
    13: (FailureClass.HALTING, HaltReason.CONFIDENTIALITY_REQUIRED),
    16: (FailureClass.CONVERGE, ""),
    17: (FailureClass.PERMANENT, ""),
    19: (FailureClass.PERMANENT, ""),
    20: (FailureClass.CONVERGE, ""),
    21: (FailureClass.PERMANENT, ""),
    32: (FailureClass.CONVERGE, ""),
    34: (FailureClass.PERMANENT, ""),
    49: (FailureClass.HALTING, HaltReason.INVALID_CREDENTIALS),
    51: (FailureClass.RETRYABLE, "busy"),
    52: (FailureClass.RETRYABLE, "unavailable"),
    64: (FailureClass.PERMANENT, ""),
    65: (FailureClass.PERMANENT, ""),
    66: (FailureClass.CONVERGE, ""),
    68: (FailureClass.CONVERGE, ""),
    69: (FailureClass.PERMANENT, ""),
    122: (FailureClass.CONVERGE, ""),
}
_JUDGED: Final[_Row] = (FailureClass.JUDGED, "")


def classify(code: int) -> FailureClass:
    """Say what a refusal means.

    Raises:
        ValueError: the code is that of success.
    """
    if code == SUCCESS:
        raise ValueError("success is no failure")
    return _TABLE.get(code, _JUDGED)[0]


def translate(error: LdapResultError) -> LdapflowError:
    """Give a refusal its place in the failure tree; raise it `from` the refusal."""
    result = error.result
    failure, word = _TABLE.get(result.code, _JUDGED)
    # Operation, code, and the server's text: it names attributes, never our values.
    detail = str(error).encode()[:_MAX_DETAIL_BYTES].decode(errors="ignore")
    match failure:
        case FailureClass.RETRYABLE:
            return Retryable(word, detail)
        case FailureClass.CONVERGE:
            return Conflict(result.code, result.matched_dn, detail)
        case FailureClass.PERMANENT:
            return Permanent(DeadLetterReason.REFUSED_BY_DIRECTORY, detail)
        case FailureClass.HALTING:
            return Halting(HaltReason(word), detail)
        case FailureClass.JUDGED:
            return Judged(result.code, detail)
