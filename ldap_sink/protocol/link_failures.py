"""Why a link ended, and what that means for each request.

Everybody who is told gets an exception of their own: one that is raised in several places collects their tracebacks.
"""

from enum import StrEnum

from schemas.errors import MaybeApplied, NotSent, Retryable


class LinkFailure(StrEnum):
    """The reasons of the `NotSent` and `MaybeApplied` that this package raises."""

    CONNECTION_LOST = "connection_lost"
    TIMEOUT = "timeout"
    MALFORMED_REPLY = "malformed_reply"
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    CLOSED = "closed"


def not_sent(reason: BaseException) -> NotSent:
    """The failure of a request that never left because the link ended for `reason`."""
    failure = NotSent(*_words(reason))
    failure.__cause__ = reason
    return failure


def maybe_applied(reason: BaseException) -> MaybeApplied:
    """The failure of a request that left before the link ended for `reason`."""
    failure = MaybeApplied(*_words(reason))
    failure.__cause__ = reason
    return failure


def _words(reason: BaseException) -> tuple[str, str]:
    if isinstance(reason, Retryable):
        return reason.reason, reason.detail
    return LinkFailure.CONNECTION_LOST, str(reason) or type(reason).__name__
