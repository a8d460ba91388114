"""Ctrl-C that strikes only where nothing is half done."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeVar

from schemas.errors import CommandFailed

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS: Final = 0.05

T = TypeVar("T")


class Interruption:
    """Remembers that the process was asked to end (SIGINT, SIGTERM, SIGHUP), and says so at the next convenient moment.

    An exception at any moment could come between the start of a server and the note that it must be stopped, or in the
    middle of the cleaning up. Here it comes from the methods alone, as `KeyboardInterrupt`.
    """

    def __init__(self) -> None:
        self._came = False
        self._at_once = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the signals, and give them back at the end; in the main thread only."""
        before = {number: signal.signal(number, self._note) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within, the exception comes at any moment: for long work that cleans up after itself."""
        self._at_once = True
        try:
            self.check()
            yield
        finally:
            self._at_once = False

    def check(self) -> None:
        """Raise if the signal came."""
        if self._came:
            raise KeyboardInterrupt

    def result(self, future: Future[T]) -> T:
        """Wait for what another thread does; that goes on when this is interrupted."""
        while not future.done():
            self.check()
            wait([future], timeout=_POLL_SECONDS)
        self.check()  # Ctrl-C on a terminal reaches our children too: what failed then is no failure
        return future.result()

    def wait_until(self, condition: Callable[[], bool], timeout_seconds: float, late: Callable[[], str]) -> None:
        """Wait until the condition holds.

        Raises:
            CommandFailed: the time is over; `late` says what is missing.
        """
        deadline = time.monotonic() + timeout_seconds
        while not condition():
            self.check()
            if time.monotonic() > deadline:
                raise CommandFailed(f"after {timeout_seconds:g} s {late()}")
            time.sleep(_POLL_SECONDS)
        self.check()

    def _note(self, _: int, __: FrameType | None) -> None:
        # Nothing else: a lock that the interrupted code holds could not be had here.
        self._came = True
        if self._at_once:
            raise KeyboardInterrupt
