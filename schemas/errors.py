"""The failure tree. Each branch has one meaning and one handler.

LdapflowError
├── ConfigurationError    the operator must change a file or a flag                exit code 2
├── CommandFailed         a command could not do its work                          exit code 1
├── Retryable             not now: wait and go on, for ever                        the worker backs off
│   ├── NotSent           the request never left: safe to send again
│   └── MaybeApplied      the reply is missing: read before anything is repeated
├── Permanent             this event can never succeed                             dead letter
│   └── InvalidEvent      its bytes are not an event of the contract
└── Halting               we are wrong, not the event: write nothing, say why      all writing stops
"""

from enum import StrEnum

from schemas.halt_reasons import REMEDIES, HaltReason


class DeadLetterReason(StrEnum):
    """Values of the header `ldapflow-reason` (contract section 1)."""

    NOT_JSON = "not_json"
    NULL_VALUE = "null_value"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_ID = "missing_id"
    WRONG_KEY = "wrong_key"
    WRONG_TOPIC = "wrong_topic"
    BAD_VERSION = "bad_version"
    TOO_LARGE = "too_large"
    MISSING_VALUE = "missing_value"
    BAD_RDN = "bad_rdn"
    EXPRESSION_FAILED = "expression_failed"
    REFUSED_BY_DIRECTORY = "refused_by_directory"
    PASSWORD_REFUSED = "password_refused"  # noqa: S105 - a reason's name


class LdapflowError(Exception):
    """Root of every failure that this program raises on purpose."""


class ConfigurationError(LdapflowError):
    """The configuration or the command line is wrong; nothing was done.

    Attributes:
        problems: one line for each fault, each with its place and its remedy.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CommandFailed(LdapflowError):
    """A command could not do its work; its text is one line that says what to do."""


class Retryable(LdapflowError):
    """Not now. The same request may succeed later.

    Attributes:
        reason: a word of a fixed set, for the metric `ldapflow_retries_total`.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason
        self.detail = detail


class NotSent(Retryable):
    """The request never left this process: it may be sent again as it is."""


class MaybeApplied(Retryable):
    """The request left and its reply is missing: the entry must be read before anything is repeated."""


class Permanent(LdapflowError):
    """This event can never succeed as it is; it goes to the dead-letter topic.

    Attributes:
        reason: the header `ldapflow-reason`.
        detail: the header `ldapflow-detail`: for people, without any secret.
    """

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class InvalidEvent(Permanent):
    """The bytes on Kafka are not an event as the contract describes it."""


class Halting(LdapflowError):
    """Our own fault or the operator's, not the event's: every write stops until it is mended.

    Its text is one line: what was found, and what to do.

    Attributes:
        reason: for the metric `ldapflow_halted`.
        detail: what was expected and what was found.
    """

    def __init__(self, reason: HaltReason, detail: str) -> None:
        super().__init__(f"{detail}: {REMEDIES[reason]}")
        self.reason = reason
        self.detail = detail
