"""Long looks at many entities, taken in slices, so that heartbeats and events have their turns between."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from time import perf_counter
from typing import Any, Final, TypeAlias, TypeVar

SLICE_SECONDS: Final = 0.01

_Item = TypeVar("_Item", bound=Hashable)
_Look: TypeAlias = tuple[Callable[[Any], Iterable[object]], Hashable]


class Backlog:
    """Looks that were asked for and not taken yet: in order, each once as long as it is queued.

    A look sees things as they are when its turn comes, not as they were when it was asked for.
    """

    def __init__(self) -> None:
        self._looks: OrderedDict[_Look, None] = OrderedDict()  # a dict finds its first item slowly after removals
        self._filled = asyncio.Event()

    def add(self, look: Callable[[_Item], Iterable[object]], item: _Item) -> None:
        """Ask for a look at an item.

        Args:
            look: gives an iterator of steps, each of which must be short; everything may change between two of them.
            item: what it is called with.
        """
        self._looks[look, item] = None
        self._filled.set()

    def forget(self) -> None:
        """Drop what is queued."""
        self._looks.clear()

    async def work(self) -> None:
        """Take the looks as they come, for ever."""
        while True:
            await self._filled.wait()
            await self.drain()

    async def drain(self) -> None:
        """Take all looks that are queued, and those that are asked for meanwhile."""
        began = perf_counter()
        while self._looks:
            (look, item), _ = self._looks.popitem(last=False)
            for _ in look(item):
                if perf_counter() - began >= SLICE_SECONDS:
                    await asyncio.sleep(0)
                    began = perf_counter()
        self._filled.clear()
