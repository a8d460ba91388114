"""A redrive is meant for a state although stale events came in between, and for no other."""

from schemas.events import Kind
from streams.worker.states.stale_writes import StaleWrites

MEI = (Kind.ACCOUNT, "a1")


def test_only_the_stored_revision_is_meant_without_stale_events() -> None:
    writes = StaleWrites()
    assert writes.cover(MEI, (1, 4), (1, 4))
    assert not writes.cover(MEI, (1, 3), (1, 4))
    assert not writes.cover(MEI, (1, 5), (1, 4))


def test_every_revision_of_a_chain_of_stale_writes_is_meant() -> None:
    """Two stale events in a row, the second after a rebalance; what was before the first is another state."""
    writes = StaleWrites()
    writes.note(MEI, (1, 4), (1, 5))
    writes.note(MEI, (1, 5), (2, 6))
    assert [writes.cover(MEI, revision, (2, 6)) for revision in ((1, 3), (1, 4), (1, 5), (2, 6))] == [
        False,
        *[True] * 3,
    ]
    assert not writes.cover((Kind.ORGANIZATION, "a1"), (1, 5), (2, 6))


def test_a_real_change_ends_the_chain() -> None:
    """Revision 6 was a real event; the stale one after it does not stand for what was before."""
    writes = StaleWrites()
    writes.note(MEI, (1, 4), (1, 5))
    assert not writes.cover(MEI, (1, 5), (1, 6))
    assert writes.cover(MEI, (1, 6), (1, 6))
    writes.note(MEI, (1, 6), (1, 7))
    assert not writes.cover(MEI, (1, 5), (1, 7))
    assert writes.cover(MEI, (1, 6), (1, 7))
