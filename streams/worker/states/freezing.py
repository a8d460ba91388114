"""Keeps what stays out of the rounds of Python's garbage collector.

A full round goes through all objects that are not frozen, and the event loop stands still meanwhile. With those that
were imported and set up at the start it takes a tenth of a second, with those of a million states more than a second;
and states, which make no circles, need no round: they go when nobody refers to them.
"""

import gc
from itertools import count
from typing import Final

from streams.worker.states.state_view import Seen, StateView

EVERY: Final = 10_000  # changes; a round through what they leave takes a few hundredths of a second
# With Python's 700 the rounds through what is young take three times as long altogether: nearly all of it lives until
# its event is done. A round still takes but two thousandths of a second.
THRESHOLDS: Final = (10_000, 20, 20)


def freeze() -> None:
    """Freeze whatever is there now, but for garbage; see `gc.freeze`."""
    gc.collect()
    gc.freeze()


def freeze_states(view: StateView) -> None:
    """Freeze, from now on, what the view keeps, and let the rounds be rarer.

    Circles that are frozen stay for ever. They are few: what is garbage goes first, and then only what is in work just
    then can become some.
    """
    gc.set_threshold(*THRESHOLDS)
    changes = count(1)

    def on_change(_before: Seen | None, _seen: Seen | None) -> None:
        if next(changes) % EVERY == 0:
            freeze()

    view.listen(on_change)
