"""States of which nothing is left but the memory, for long enough: their owners drop them (design section 5)."""

from collections.abc import Iterator

from processors.retiring import may_be_forgotten
from schemas.events import Kind, RedriveReason
from streams.snapshot import Stored
from streams.verification.snapshot import Snapshot


def forgettable(snapshot: Snapshot, now: int) -> Iterator[tuple[Stored, RedriveReason]]:
    """What is to be asked for.

    Args:
        snapshot: all states.
        now: milliseconds.
    """
    for kind in Kind:
        for number in snapshot.deleted(kind):
            stored = snapshot.get(number)
            if stored is not None and may_be_forgotten(stored.state, now):
                yield stored, RedriveReason.FORGET
