"""Result codes and what they mean."""

import pytest

from ldap_sink.failures import Conflict, FailureClass, Judged, classify, translate
from ldap_sink.protocol.results import RESULT_NAMES, LdapResultError, Result
from schemas.errors import DeadLetterReason, Halting, LdapflowError, Permanent, Retryable

_EXPECTED = {
    FailureClass.RETRYABLE: {3, 4, 11, 51, 52},
    FailureClass.CONVERGE: {16, 20, 32, 66, 68, 122},
    FailureClass.PERMANENT: {17, 19, 21, 34, 64, 65, 69},
    FailureClass.HALTING: {8, 10, 13, 49},
}
_BRANCHES: dict[FailureClass, type[LdapflowError]] = {
    FailureClass.RETRYABLE: Retryable,
    FailureClass.CONVERGE: Conflict,
    FailureClass.PERMANENT: Permanent,
    FailureClass.HALTING: Halting,
    FailureClass.JUDGED: Judged,
}
_CODES = sorted({*range(1, 124), *RESULT_NAMES, 4095, 16654, 2**31 - 1} - {0})


def _error(code: int, message: str = "") -> LdapResultError:
    return LdapResultError("modify", Result(code, message=message))


@pytest.mark.parametrize("code", _CODES)
def test_every_result_code_has_the_class_of_the_table(code: int) -> None:
    """Named, unassigned and private codes alike; what the table does not name is judged by a probe."""
    expected = next((kind for kind, codes in _EXPECTED.items() if code in codes), FailureClass.JUDGED)
    assert classify(code) is expected


@pytest.mark.parametrize("code", _CODES)
def test_every_result_code_becomes_the_failure_of_its_class(code: int) -> None:
    """No code is left without a place in the failure tree."""
    assert type(translate(_error(code))) is _BRANCHES[classify(code)]


def test_success_is_no_failure() -> None:
    """A caller that classifies success has lost its way, and is told."""
    with pytest.raises(ValueError, match="success"):
        classify(0)


@pytest.mark.parametrize("code", sorted(_EXPECTED[FailureClass.RETRYABLE] | _EXPECTED[FailureClass.HALTING]))
def test_waiting_and_halting_name_their_reason(code: int) -> None:
    """The reason is a metric label: a word, never empty, never the server's text."""
    failure = translate(_error(code, "some words"))
    assert isinstance(failure, Retryable | Halting)
    assert failure.reason.replace("_", "").isalpha()


def test_a_dead_letter_has_the_servers_words() -> None:
    """Operation, code and text, so that a person can mend it."""
    failure = translate(_error(65, "object class 'inetOrgPerson' requires attribute 'sn'"))
    assert isinstance(failure, Permanent)
    assert failure.reason is DeadLetterReason.REFUSED_BY_DIRECTORY
    assert failure.detail == "modify: objectClassViolation(65): object class 'inetOrgPerson' requires attribute 'sn'"


def test_the_servers_words_are_cut_at_one_kibibyte() -> None:
    """Headers are limited; the cut never splits a character."""
    failure = translate(_error(65, "é" * 2000))
    assert isinstance(failure, Permanent)
    assert len(failure.detail.encode()) in {1023, 1024}
    assert failure.detail.endswith("é")


def test_a_conflict_says_which_ancestor_is_there() -> None:
    """`matchedDN` of noSuchObject, from which the missing parent is found."""
    failure = translate(LdapResultError("add", Result(32, matched_dn="dc=example,dc=com")))
    assert isinstance(failure, Conflict)
    assert (failure.code, failure.matched_dn) == (32, "dc=example,dc=com")
