"""The answer of the password policy control."""

import pytest

from ldap_sink.protocol.password_policy import PASSWORD_POLICY, PolicyError, read_password_policy
from ldap_sink.protocol.results import Result


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("3003 810101", PolicyError.ACCOUNT_LOCKED),
        ("3008 a003800100 810102", PolicyError.CHANGE_AFTER_RESET),  # behind a warning
        ("3005 a003800100", None),
        ("3000", None),
        ("3003 810163", None),  # a code of the future
        ("3003 8101", None),  # cut
    ],
)
def test_answers(value: str, error: PolicyError | None) -> None:
    """The error is found wherever it stands; what is not understood is no failure."""
    assert read_password_policy(Result(49, controls={PASSWORD_POLICY: bytes.fromhex(value)})) is error


def test_no_answer() -> None:
    """A server without a policy says nothing."""
    assert read_password_policy(Result(49)) is None
