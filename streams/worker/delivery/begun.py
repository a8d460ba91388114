"""A coroutine that is begun without a task: most of Faust's end before they wait for anything."""

from collections.abc import Coroutine, Generator
from typing import Any


class Begun:
    """Runs a coroutine to its first wait; awaiting this goes on from there.

    Args:
        coroutine: begins at once, in the present task.

    Attributes:
        is_done: it came to its end without waiting.
        result: what it returned then.

    Raises:
        BaseException: what the coroutine raises before it waits.
    """

    __slots__ = ("_coroutine", "_waits_for", "is_done", "result")

    def __init__(self, coroutine: Coroutine[Any, None, Any]) -> None:
        self._coroutine = coroutine
        self._waits_for: Any = None
        self.is_done = False
        self.result: Any = None
        try:
            self._waits_for = coroutine.send(None)
        except StopIteration as exc:
            self.is_done, self.result = True, exc.value

    def __await__(self) -> Generator[Any, None, Any]:
        if self.is_done:
            return self.result
        waits_for = self._waits_for
        try:
            while True:
                try:
                    yield waits_for
                except BaseException as exc:  # noqa: BLE001 - it is the coroutine's: cancellation among others
                    waits_for = self._coroutine.throw(exc)
                else:
                    waits_for = self._coroutine.send(None)
        except StopIteration as exc:
            return exc.value
