"""Folding holds for any history of one key, however often its events come."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from processors.folding import fold
from schemas.events import Event, Kind
from schemas.state_codec import decode_state, encode_state
from schemas.states import State
from tests.support.folded_account import created, deleted, joined, left, password, pushed, whole

ORGANIZATIONS = st.sampled_from(["o1", "o2", "o3"])
HOMES = st.none() | st.sampled_from(["", "o1", "o1*", "o1 o2*", "o2* o3"])
NAMES = st.sampled_from(["a", "b", "c"])


def event_at(time: int) -> st.SearchStrategy[Event]:
    """Any event of that eventTime; the record it carries is from then, or older, or (as clocks go) newer."""
    updates = st.sampled_from([None, time, time - 1, time - 25, time + 25])
    return st.one_of(
        st.builds(
            lambda name, update, homes: whole(name, update=update, event=time, homes=homes), NAMES, updates, HOMES
        ),
        st.builds(
            lambda name, update, homes: created(name, update=update, event=time, homes=homes), NAMES, updates, HOMES
        ),
        st.builds(lambda name, homes: pushed(name, update=time, homes=homes), NAMES, HOMES),
        st.just(deleted(time)),
        st.builds(lambda home, primary: joined(home, time, primary=primary), ORGANIZATIONS, st.none() | st.booleans()),
        st.builds(lambda home: left(home, time), ORGANIZATIONS),
        st.just(password(time)),
    )


HISTORIES = st.integers(1, 8).flatmap(lambda length: st.tuples(*(event_at(30 + 10 * n) for n in range(length))))
"""Events in the source's order: their eventTimes grow."""


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[tuple[Event, ...], list[Event]]:
    """A history, and the same with some of its events again at any time after their first."""
    history = draw(HISTORIES)
    delivered: list[Event] = []
    for index, event in enumerate(history):
        delivered.append(event)
        delivered += draw(st.lists(st.sampled_from(history[: index + 1]), max_size=3))
    return history, delivered


def outcome(events: tuple[Event, ...] | list[Event]) -> State:
    """The final state; when what was received is another matter, and so is who pushed last."""
    state: State | None = None
    for event in events:
        state = fold(state, event).state
    assert state is not None
    return replace(state, received_time=0, push_id=None)


@given(deliveries())
def test_repeats_never_change_the_final_state(delivery: tuple[tuple[Event, ...], list[Event]]) -> None:
    """Whatever comes twice, at once or late."""
    history, delivered = delivery
    assert outcome(delivered) == outcome(history)


@given(HISTORIES)
def test_a_state_that_was_stored_in_between_is_as_good(history: tuple[Event, ...]) -> None:
    """Folding reads nothing that is not in the snapshot."""
    state: State | None = None
    for event in history:
        state = fold(state, event).state
        state = decode_state(Kind.ACCOUNT, encode_state(state))
    assert state is not None
    assert replace(state, received_time=0, push_id=None) == outcome(history)


@given(HISTORIES)
def test_a_second_delivery_of_everything_changes_nothing(history: tuple[Event, ...]) -> None:
    assert outcome([*history, *history]) == outcome(history)
