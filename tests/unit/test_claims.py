"""Entries in the hands of one entity, before anybody can read whose they are."""

from ldap_sink.claims import MAX_SUBJECTS, Claims
from schemas.events import Kind

A, B, C = [(Kind.ACCOUNT, identifier) for identifier in "abc"]


def test_a_claimed_entry_is_no_others() -> None:
    """Whoever comes second learns who was first; the first may claim again."""
    claims = Claims()
    assert [claims.claim("uuid", subject) for subject in (A, B, A)] == [None, A, None]
    assert claims.claimant("uuid") == A


def test_an_account_and_an_organization_of_one_id_are_two() -> None:
    """The one must not take what the other has."""
    claims = Claims()
    claims.claim("uuid", (Kind.ACCOUNT, "1"))
    assert claims.claim("uuid", (Kind.ORGANIZATION, "1")) == (Kind.ACCOUNT, "1")


def test_all_is_given_up() -> None:
    """Nothing of an entity stays, and nothing of another goes."""
    claims = Claims()
    for entry_uuid, subject in (("1", A), ("2", A), ("3", B)):
        claims.claim(entry_uuid, subject)
    claims.release(A)
    claims.release((Kind.ACCOUNT, "never seen"))
    assert [claims.claim(entry_uuid, C) for entry_uuid in "123"] == [None, None, B]


def test_what_was_never_given_up_is_forgotten_in_the_end() -> None:
    """The oldest first: memory is bounded."""
    claims = Claims()
    for number in range(MAX_SUBJECTS + 1):
        claims.claim(f"uuid {number}", (Kind.ACCOUNT, f"{number}"))
    assert [claims.claimant(f"uuid {number}") for number in (0, 1)] == [None, (Kind.ACCOUNT, "1")]
