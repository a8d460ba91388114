"""States are kept out of the rounds of Python's garbage collector."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from streams.worker.states import freezing
from streams.worker.states.freezing import freeze, freeze_states
from streams.worker.states.state_view import StateView
from tests.support.redrives import TARGET, unit


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """Begin with nothing frozen; leave what the tests themselves are made of as it was (`swallowed_errors.py`)."""
    thresholds = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()
    gc.freeze()


def test_states_are_frozen_every_so_many_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not sooner: each time is a round through what is new."""
    monkeypatch.setattr(freezing, "EVERY", 3)
    view = StateView(TARGET)
    freeze_states(view)
    frozen = []
    for name in "abcdef":
        view.absorb(unit(name))
        frozen.append(gc.get_freeze_count())
    assert frozen[:2] == [0, 0]
    assert 0 < frozen[2] == frozen[4] < frozen[5]


def test_what_is_there_at_the_start_is_frozen_but_for_garbage() -> None:
    """Garbage that is frozen would stay for ever."""
    kept: list[list[object]] = [[] for _ in range(1000)]
    before = gc.get_freeze_count()
    seen = weakref.ref(Circle())
    freeze()
    assert gc.get_freeze_count() - before > len(kept)
    assert seen() is None


class Circle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self
