"""Keeps the states out of the rounds of Python's garbage collector.

A full round goes through all objects that are not frozen. With those of a million states it takes more than a second,
in which the event loop stands still; and states, which make no circles, need none: they go when nobody refers to them.
"""

import gc
from itertools import count
from typing import Final

from streams.worker.states.state_view import Seen, StateView

EVERY: Final = 10_000  # changes; a round through what they leave takes a few hundredths of a second


def freeze_states(view: StateView) -> None:
    """Freeze, from now on, what the view keeps; see `gc.freeze`.

    Circles that are frozen stay for ever. They are few: what is garbage goes first, and then only what is in work just
    then can become some.
    """
    changes = count(1)

    def on_change(_before: Seen | None, _seen: Seen | None) -> None:
        if next(changes) % EVERY == 0:
            gc.collect()
            gc.freeze()

    view.listen(on_change)
