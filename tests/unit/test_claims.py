"""Entries in the hands of one entity, before anybody can read whose they are."""

from ldap_sink.claims import MAX_SUBJECTS, Claims
from schemas.dn import DN

MEI = DN.parse("uid=mei").prepared()
MAY = DN.parse("uid=may").prepared()


def test_a_claimed_entry_is_no_others() -> None:
    """Whoever comes second learns who was first; the first may claim again."""
    claims = Claims()
    assert claims.claim_entry("uuid", MEI, "a") is None
    assert claims.claim_entry("uuid", MAY, "b") == "a"
    assert claims.claim_entry("uuid", MEI, "a") is None
    assert claims.claimant("uuid") == "a"


def test_a_claimed_dn_is_no_others() -> None:
    """Neither to make an entry there, nor to take the one that appears there."""
    claims = Claims()
    assert claims.claim_dn(MEI, "a") is None
    assert claims.claim_dn(MEI, "b") == "a"
    assert claims.claim_entry("uuid", MEI, "b") == "a"
    assert claims.claim_dn(MEI, "a") is None


def test_dns_are_given_up_before_entries() -> None:
    """Once the entry is there, it alone is claimed."""
    claims = Claims()
    claims.claim_dn(MEI, "a")
    claims.claim_entry("uuid", MEI, "a")
    claims.release_dns("a")
    assert claims.claim_entry("uuid", MEI, "b") == "a"
    assert claims.claim_dn(MEI, "b") is None


def test_all_is_given_up() -> None:
    """Nothing of an entity stays, and nothing of another goes."""
    claims = Claims()
    claims.claim_dn(MEI, "a")
    claims.claim_entry("uuid", MEI, "a")
    claims.claim_entry("other", MAY, "b")
    claims.release("a")
    claims.release("never seen")
    assert claims.claim_dn(MEI, "c") is None
    assert claims.claim_entry("uuid", MEI, "c") is None
    assert claims.claim_entry("other", MAY, "c") == "b"


def test_what_was_never_given_up_is_forgotten_in_the_end() -> None:
    """The oldest first: memory is bounded."""
    claims = Claims()
    for number in range(MAX_SUBJECTS + 1):
        claims.claim_entry(f"uuid {number}", MEI, f"{number}")
    assert [claims.claimant(f"uuid {number}") for number in (0, 1)] == [None, "1"]
