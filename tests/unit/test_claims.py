"""Entries in the hands of one entity, before anybody can read whose they are."""

from ldap_sink.claims import MAX_SUBJECTS, Claims


def test_a_claimed_entry_is_no_others() -> None:
    """Whoever comes second learns who was first; the first may claim again."""
    claims = Claims()
    assert [claims.claim("uuid", subject) for subject in "aba"] == [None, "a", None]
    assert claims.claimant("uuid") == "a"


def test_all_is_given_up() -> None:
    """Nothing of an entity stays, and nothing of another goes."""
    claims = Claims()
    for entry_uuid, subject in (("1", "a"), ("2", "a"), ("3", "b")):
        claims.claim(entry_uuid, subject)
    claims.release("a")
    claims.release("never seen")
    assert [claims.claim(entry_uuid, "c") for entry_uuid in "123"] == [None, None, "b"]


def test_what_was_never_given_up_is_forgotten_in_the_end() -> None:
    """The oldest first: memory is bounded."""
    claims = Claims()
    for number in range(MAX_SUBJECTS + 1):
        claims.claim(f"uuid {number}", f"{number}")
    assert [claims.claimant(f"uuid {number}") for number in (0, 1)] == [None, "1"]
