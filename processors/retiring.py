"""How an entity goes that the source does not name any more: swept by a full push, and one day forgotten."""

from dataclasses import replace
from typing import Final

from schemas.states import State, Status

KEPT_MS: Final = 30 * 86_400_000  # contract section 3: so long a late older event cannot revive what is gone


def swept(state: State) -> State:
    """The state as deleted at its own newest time: whatever the source says of the entity later is newer.

    A deletion by event has the time of that event, its last one. Here the last event lies before the deletion, if only
    by a millisecond: so `State.is_swept` can tell the two apart.
    """
    if state.deleted_at is not None:
        return state
    newest = max(state.record_time, state.event_time, state.membership_time or 0)
    return replace(state, deleted_at=newest, event_time=min(state.event_time, newest - 1))


def may_be_forgotten(state: State, now: int) -> bool:
    """Whether nothing depends on the state any more: it is deleted, its entry is gone, and both 30 days ago.

    Args:
        state: of any entity.
        now: milliseconds; compared with our own and Kafka's clock, not with the source's.
    """
    return (
        state.deleted_at is not None
        and state.status is Status.APPLIED
        and state.binding is None
        and now - max(state.status_time, state.received_time) > KEPT_MS
    )
