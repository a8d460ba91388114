"""Tells whose fault a refusal is when its code does not: can anything be written below the target (design section 5)?

A probe goes around the gate of `Directory`: it must answer also while nothing else may be written, and harms nobody.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict, Judged, translate
from ldap_sink.probe_entries import add_probe, new_probe, remove_older, remove_probe
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.results import LdapResultError
from schemas.dn import DN
from schemas.errors import DeadLetterReason, Halting, Permanent, Retryable
from schemas.halt_reasons import HaltReason

INTERVAL_SECONDS: Final = 10.0

_Result = TypeVar("_Result")

_OTHER: Final = 80  # RFC 4511: also what slapd says when its database is full
_PADDING: Final = 1 << 19  # as long as the longest event: what is too full for that may be too full for any


async def probe(connection: Connection, target: DN, padding: int = 0) -> None:
    """Add an entry below the target and remove it.

    Args:
        connection: of the administrator.
        target: the target node.
        padding: octets that the entry holds beside its name.

    Raises:
        Retryable: it cannot be done now; also when the database is full.
        Halting: it is refused, so every event would be.
    """
    dn = new_probe(target)
    try:
        await remove_older(connection, target)
        await add_probe(connection, dn, padding)
        await remove_probe(connection, dn)
    except LdapResultError as exc:
        raise probe_failure(exc, target) from exc


def probe_failure(error: LdapResultError, target: DN) -> Halting | Retryable:
    """Say what it means that a probe could not be added or removed; it is never an event's fault."""
    match translate(error):
        case Halting() | Retryable() as failure:
            return failure
        case Judged(code=code) if code == _OTHER:
            return Retryable("other", str(error))
        case Conflict():
            return Retryable("probe_disturbed", str(error))
        case _:
            detail = f"nothing can be written below {target}: a probe entry is refused with {error}"
            return Halting(HaltReason.WRITE_REFUSED, detail)


class Prober:
    """Judges refusals, with one probe in 10 s at most.

    Args:
        interval: seconds.
    """

    def __init__(self, directory: Directory, interval: float = INTERVAL_SECONDS) -> None:
        self._directory = directory
        self._interval = interval
        self._lock = asyncio.Lock()
        self._probed_at = float("-inf")
        self._padding = 0
        self._verdict: Halting | Retryable | None = None

    async def judge(self, refusal: Judged) -> Permanent | Retryable | Halting:
        """Say what a refusal means; this may take until the next probe is due.

        Returns:
            `Permanent` if others are not refused: this event is at fault. Else `Retryable` or `Halting`; the latter has
            stopped all writing until a probe succeeds.

        Raises:
            Retryable: the connection was lost.
            Halting: writing has been stopped for another reason.
        """
        refused_at = time.monotonic()
        # A database that has no room for this entry may have it for a small one.
        padding = _PADDING if refusal.code == _OTHER else 0
        async with self._lock:
            if not self._covers(refused_at, padding):
                await asyncio.sleep(self._probed_at + self._interval - time.monotonic())
                await self._probe(padding)
        return self._verdict or Permanent(DeadLetterReason.REFUSED_BY_DIRECTORY, refusal.detail)

    async def judging(self, act: Callable[[], Awaitable[_Result]]) -> _Result:
        """Do something that the directory may refuse without saying whose fault it is.

        Raises:
            Permanent: only when it was refused before and after a probe that succeeded, and the next succeeds too.
            Retryable, Halting: as `judge` says.
        """
        is_second = False
        while True:
            try:
                return await act()
            except Judged as exc:
                judgement = await self.judge(exc)
                if is_second or not isinstance(judgement, Permanent):
                    raise judgement from exc
            # Others are not refused now, so this one may not be either: the directory may have been mended meanwhile.
            is_second = True

    def _covers(self, refused_at: float, padding: int) -> bool:
        """Whether the last probe says what a refusal means.

        One that succeeded before the refusal says nothing: the server may have become read-only since, and a dead
        letter cannot be called back. One that failed may be believed a little longer: that costs time alone.
        """
        if self._verdict is None:
            return self._probed_at >= refused_at and self._padding >= padding
        return time.monotonic() - self._probed_at < self._interval

    async def _probe(self, padding: int) -> None:
        target = self._directory.settings.target_dn
        connection = await self._directory.session()
        started = time.monotonic()
        verdict: Halting | Retryable | None = None
        try:
            await probe(connection, target, padding)
        except Halting as exc:
            self._directory.halt(exc, lambda fresh: probe(fresh, target))
            verdict = exc
        except Retryable as exc:
            if connection.closed is not None:
                raise  # says nothing of the server's mind
            verdict = exc
        self._probed_at, self._padding, self._verdict = started, padding, verdict
