"""What is learnt of an entity while it is applied."""

from dataclasses import replace

import pytest

from schemas.events import Kind
from schemas.states import Binding, State, Status
from streams.worker.applying.attempt import Attempt

FORMERLY = Binding("e", "uid=a", "t", 5)
UNBOUND = State(None, 5, 7, 3, Status.APPLIED, 4, (1, 1))


async def _intend(state: State) -> State:
    raise NotImplementedError(state)


@pytest.mark.parametrize(
    ("found", "bound_at"),
    [
        (replace(FORMERLY, dn="uid=b", bound_at=9), 5),
        (replace(FORMERLY, entry_uuid="f", bound_at=9), 9),
        (replace(FORMERLY, target="u", bound_at=9), 9),
    ],
)
def test_who_finds_the_entry_again_that_it_should_leave_has_it_since_the_first_time(
    found: Binding, bound_at: int
) -> None:
    """Otherwise it would be written anew each time, and that would have it asked to leave again, for ever."""
    attempt = Attempt(Kind.ACCOUNT, "a", UNBOUND, _intend, formerly=FORMERLY)
    attempt.bind(found)
    assert attempt.binding == replace(found, bound_at=bound_at)
