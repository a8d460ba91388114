"""Events that keep coming, whatever fails meanwhile."""

import threading
import time
from collections.abc import Sequence
from typing import Self

from schemas.errors import CommandFailed
from tests.support.flow import Flow
from tests.support.identity_source import Emitted

_TURN_SECONDS = 0.5


class SteadyPublisher:
    """Publishes events at a steady rate from a thread of its own; used as `with`.

    What Kafka did not take is published again, in its order: duplicates are part of the test.

    Args:
        seconds: over which the events are spread.
    """

    def __init__(self, flow: Flow, events: Sequence[Emitted], seconds: float) -> None:
        self._flow = flow
        self._events = events
        self._per_turn = max(1, round(len(events) * _TURN_SECONDS / seconds))
        self._ending = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="steady publisher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()

    @property
    def published_all(self) -> bool:
        """Whether every event has been published.

        Raises:
            AssertionError: publishing broke off.
        """
        if self._failure is not None:
            raise AssertionError("the publisher broke off") from self._failure
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            due = time.monotonic()
            for start in range(0, len(self._events), self._per_turn):
                self._publish(self._events[start : start + self._per_turn])
                due += _TURN_SECONDS
                if self._ending.wait(max(0.0, due - time.monotonic())):
                    return
        except Exception as exc:  # noqa: BLE001 - raised by `published_all`, in the test's thread
            self._failure = exc

    def _publish(self, events: Sequence[Emitted]) -> None:
        while not self._ending.is_set():
            try:
                self._flow.publish(events)
            except CommandFailed:
                continue
            return
