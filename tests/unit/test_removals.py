"""How many entries were removed of late."""

import random
from time import process_time

import pytest

from streams.worker.states import removals
from streams.worker.states.removals import Removals


@pytest.mark.parametrize("few", [0, 2, 1000])
def test_the_last_removal_of_each_counts_until_it_is_too_old(monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """As if all were counted at each question, in whatever order they come, and however many have become too old."""
    monkeypatch.setattr(removals, "_FEW", few)
    chance = random.Random(7)
    for _ in range(50):
        counted, last, now = Removals(), dict[str, int](), 0
        for _ in range(100):
            now += chance.randrange(3)
            if chance.random() < 0.7:
                identifier, time = f"user{chance.randrange(8)}", now - chance.randrange(20)
                counted.note(identifier, time)
                last[identifier] = time
            else:
                last = {identifier: time for identifier, time in last.items() if time >= now - 10}
                assert counted.since(now - 10) == len(last)


def test_a_question_costs_nothing_for_those_that_still_count() -> None:
    """The guard asks before each deletion, and there may be as many as there are accounts."""
    counted = Removals()
    for number in range(100_000):
        counted.note(f"user{number}", 1000 + number)
    began = process_time()
    for _ in range(10_000):
        assert counted.since(1000) == 100_000
    assert process_time() - began < 0.5


def test_one_that_is_removed_again_and_again_costs_no_more_and_more_memory() -> None:
    """Where no guard asks, too."""
    counted = Removals()
    for time in range(20_000):
        counted.note("a", time)
    assert len(counted._notes) < 5000  # noqa: SLF001 - it is about what is kept
    assert counted.since(19_999) == 1
