"""Back-pressure: how many requests, and how many octets of them, may be in flight.

slapd closes the connection without a word when too many requests are pending, and a stopped server must not fill our
memory.
"""

import asyncio
from collections import deque
from typing import Final

from ldap_sink.protocol.link_failures import not_sent

MAX_IN_FLIGHT_BYTES: Final = 8 * 1024 * 1024


class Slots:
    """A window of requests, first come first served.

    A slot is taken before a request is encoded and given back when its reply has come, whatever happened to who waits
    for it.

    Attributes:
        taken: requests in flight.
        weight: their octets, about.
    """

    __slots__ = (
        "_closed",
        "_drained",
        "_exclusive",
        "_max_weight",
        "_paused",
        "_waiters",
        "_window",
        "taken",
        "weight",
    )

    def __init__(self, window: int, max_weight: int = MAX_IN_FLIGHT_BYTES) -> None:
        if window < 1:
            raise ValueError("the window must let one request through")
        self._window = window
        self._max_weight = max_weight
        self._waiters: deque[tuple[asyncio.Future[None], int]] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._paused = False
        self._exclusive = False
        self._closed: BaseException | None = None
        self.taken = 0
        self.weight = 0

    async def acquire(self, weight: int) -> None:
        """Wait for a slot for a request of about `weight` octets.

        One request goes through whatever it weighs when none is in flight.

        Raises:
            NotSent: the connection is closed, or closes meanwhile.
        """
        if self._closed is not None:
            raise not_sent(self._closed)
        if not self._waiters and self._fits(weight):
            self.taken += 1
            self.weight += weight
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((waiter, weight))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(weight)  # the slot was ours already: pass it on
            else:
                self._admit()  # whoever stands behind may fit now
            raise

    def release(self, weight: int) -> None:
        """Give a slot back."""
        self.taken -= 1
        self.weight -= weight
        if self._waiters:
            self._admit()
        if self._drained is not None and not self.taken and not self._drained.done():
            self._drained.set_result(None)

    def acquire_all(self) -> None:
        """Take a slot for one request that goes alone, which begins now; others wait for `release_all`.

        Raises:
            RuntimeError: something is in flight or waits.
            NotSent: the connection is closed.
        """
        if self._closed is not None:
            raise not_sent(self._closed)
        if self.taken or self._waiters or self._exclusive:
            raise RuntimeError("bind and StartTLS need a connection with nothing in flight")
        self._exclusive = True
        self.taken = 1

    def release_all(self) -> None:
        """Let the others go on."""
        self._exclusive = False
        self._admit()

    def pause(self) -> None:
        """Let nobody through: the transport's buffer is full."""
        self._paused = True

    def resume(self) -> None:
        """Go on after `pause`."""
        self._paused = False
        self._admit()

    def close(self, reason: BaseException) -> None:
        """Refuse all who wait and all who come; what is in flight keeps its slot."""
        if self._closed is None:
            self._closed = reason
        waiters, self._waiters = self._waiters, deque()
        for waiter, _ in waiters:
            if not waiter.done():
                waiter.set_exception(not_sent(reason))

    async def drained(self) -> None:
        """Wait until nothing is in flight."""
        if not self.taken:
            return
        if self._drained is None or self._drained.done():
            self._drained = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._drained)

    def _fits(self, weight: int) -> bool:
        if self._paused or self._exclusive or self.taken >= self._window:
            return False
        return not self.taken or self.weight + weight <= self._max_weight

    def _admit(self) -> None:
        waiters = self._waiters
        while waiters:
            waiter, weight = waiters[0]
            if waiter.done():  # cancelled
                waiters.popleft()
            elif self._fits(weight):
                waiters.popleft()
                self.taken += 1
                self.weight += weight
                waiter.set_result(None)
            else:
                return
