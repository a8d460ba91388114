"""Keeps one checked connection: connects again after a loss, looks again after a halt."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, TypeAlias

from ldap_sink.protocol.connection import Connection
from ldap_sink.session import check_target, open_session
from ldap_sink.settings import DirectorySettings
from schemas.errors import Halting, Retryable

Proof: TypeAlias = Callable[[Connection], Awaitable[None]]
"""Raises Halting as long as something is wrong; Retryable when it cannot be told."""

_DOUBLINGS: Final = 16  # beyond that the longest wait is reached, whatever the shortest
_CLOSE_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class DirectoryState:
    """Whether the directory can be used.

    Attributes:
        up: a checked connection is there.
        problem: why not; None while the first connection is on its way.
    """

    up: bool
    problem: Retryable | Halting | None = None


class Upkeep:
    """Opens the connection, watches it and its target, and opens the next one.

    Args:
        on_change: called in the event loop after every change of `state`.

    Attributes:
        state: as of now.
    """

    def __init__(self, settings: DirectorySettings, on_change: Callable[[DirectoryState], None]) -> None:
        self.state = DirectoryState(up=False)
        self._settings = settings
        self._on_change = on_change
        self._connection: Connection | None = None
        self._task: asyncio.Task[NoReturn] | None = None
        self._changed = asyncio.Event()
        self._proofs: dict[str, Proof] = {}

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._task = asyncio.create_task(self._keep(), name="directory upkeep")
        self._task.add_done_callback(lambda _: self._changed.set())

    async def close(self) -> None:
        """Close the connection, within seconds even if nobody answers; whoever waits for one gets `Retryable`."""
        task, connection = self._task, self._connection
        self._connection = None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if connection is None:
            return
        # Nobody waits for the replies any more, and a directory that stands still must not keep the process.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.close()

    async def session(self) -> Connection:
        """Wait for a checked connection, through any outage.

        Raises:
            Halting: writing has stopped; the cause is looked at again from time to time.
            Retryable: closed.
        """
        while True:
            connection, problem = self._connection, self.state.problem
            if connection is not None and connection.closed is None:
                return connection
            if isinstance(problem, Halting):
                raise Halting(problem.reason, problem.detail) from problem
            await self._next_change()

    async def up(self) -> Connection:
        """Wait for a checked connection, through outages and halts.

        Raises:
            Retryable: closed.
        """
        while True:
            with contextlib.suppress(Halting):
                return await self.session()
            await self._next_change()

    def halt(self, problem: Halting, proof: Proof | None = None) -> None:
        """Give up the connection because something showed that we are wrong; look again later.

        Args:
            problem: what is wrong.
            proof: tells whether it is mended, where a connection that works does not say so.
        """
        if proof is not None:
            self._proofs[problem.reason] = proof
        connection = self._connection
        self._publish(None, problem)
        if connection is not None:
            connection.abort(problem)

    async def _next_change(self) -> None:
        task = self._task
        if task is None or task.cancelled():
            raise Retryable("closed", "the directory's connection is closed")
        if task.done():
            raise RuntimeError("the upkeep of the directory's connection failed") from task.exception()
        await self._changed.wait()

    def _publish(self, connection: Connection | None, problem: Retryable | Halting | None) -> None:
        self._connection = connection
        self.state = DirectoryState(up=connection is not None, problem=problem)
        self._changed.set()
        self._changed = asyncio.Event()
        self._on_change(self.state)

    async def _keep(self) -> NoReturn:
        failures = 0
        while True:
            try:
                connection = await open_session(self._settings)
                await self._check(connection)
                failures = 0
                self._publish(connection, None)
                await self._watch(connection)
            except Halting as exc:
                failures = 0
                self._publish(None, exc)
                await asyncio.sleep(self._settings.halted_retry)
            except Retryable as exc:
                failures += 1
                self._publish(None, exc)
                await asyncio.sleep(self._wait(failures))

    def _wait(self, failures: int) -> float:
        shortest, longest = self._settings.backoff
        most = min(longest, shortest * 2 ** min(failures, _DOUBLINGS))
        return random.uniform(shortest, most)  # noqa: S311 - spreads clients, hides nothing

    async def _watch(self, connection: Connection) -> NoReturn:
        """Look at the target from time to time, until the connection ends."""
        while True:
            try:
                async with asyncio.timeout(self._settings.target_check):
                    reason = await connection.wait_closed()
            except TimeoutError:
                await self._check(connection)
                continue
            if isinstance(reason, Halting):
                raise Halting(reason.reason, reason.detail) from reason
            if isinstance(reason, Retryable):
                raise type(reason)(reason.reason, reason.detail) from reason
            raise Retryable("connection_lost", str(reason)) from reason

    async def _check(self, connection: Connection) -> None:
        try:
            await check_target(connection, self._settings)
            for reason, proof in list(self._proofs.items()):
                await proof(connection)
                del self._proofs[reason]
        except BaseException as exc:
            connection.abort(exc)
            raise
