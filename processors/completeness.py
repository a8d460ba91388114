"""Whether a full push has brought everything, and who is gone because of it (design section 6, step 2)."""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.events import Kind
from schemas.jobs import FullPush

PRODUCER_CLOCK_MARGIN_MS: Final = 3_600_000


def last_push(pushes: Iterable[FullPush]) -> FullPush | None:
    """The push that began last: only its id can still be on all states.

    One whose begin never came counts by its end; it is incomplete in any case.
    """
    return max(pushes, key=lambda push: (push.began or push.ended or 0, push.ended or 0, push.id), default=None)


def incompleteness(push: FullPush, carried: Mapping[Kind, int], committed: Mapping[tuple[str, int], int]) -> str | None:
    """Say for people why a push proves nothing; None when it is complete.

    Args:
        push: as its marks tell it.
        carried: how many states of each kind carry its id, dead-lettered ones left out.
        committed: of the workers' group; read before the states were, so that these hold all that was done by then.
    """
    if push.began is None:
        return "its begin mark never came"
    if push.ended is None:
        return "its end mark has not come"
    if not push.organizations and not push.accounts:
        return "it declares nothing at all"
    behind = [place for place, end in push.input_ends.items() if committed.get(place, 0) < end]
    if behind or not push.input_ends:
        return "the workers have not handled all of it yet"
    for kind, declared in ((Kind.ORGANIZATION, push.organizations), (Kind.ACCOUNT, push.accounts)):
        if carried.get(kind, 0) != declared:
            return f"{declared} {kind.value}s were declared, {carried.get(kind, 0)} have come and can be used"
    return None


def sweeps(push: FullPush, kind: Kind) -> bool:
    """Whether who did not come with a complete push is gone: of a kind of which nobody came, the export was empty."""
    return bool(push.organizations if kind is Kind.ORGANIZATION else push.accounts)


def is_swept(push_id: str | None, received_time: int, push: FullPush, margin: int) -> bool:
    """Whether an entity is gone because a complete push did not bring it.

    Args:
        push_id: the one that its state carries.
        received_time: Kafka time of its last event, milliseconds.
        push: a complete one.
        margin: milliseconds by which the two times may be wrong, because producers wrote them.
    """
    return push.began is not None and push_id != push.id and received_time < push.began - margin
