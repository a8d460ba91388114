"""What stops all writing besides the directory itself: a person's pause, and the brake (design section 5)."""

import asyncio
from typing import Final

from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Kind

BRAKE_AFTER: Final = 20


class Gate:
    """Events wait here while it is closed.

    Attributes:
        paused: a person said `pause`.
        braked_at: how far the control topic was known when the brake was pulled: an offset, -1 for nothing of it; None
            while it is not pulled.
    """

    def __init__(self) -> None:
        self.paused = False
        self.braked_at: int | None = None
        self._refused: set[tuple[Kind, str]] = set()
        self._changed = asyncio.Event()

    @property
    def reasons(self) -> dict[str, str]:
        """Why it is closed; empty when it is open."""
        reasons = {}
        if self.paused:
            reasons["paused"] = "writing is paused: `ldapflow resume` goes on"
        if self.braked_at is not None:
            reasons["brake"] = (
                f"the directory refused {BRAKE_AFTER} entities in a row: see `ldapflow dead-letters list`, mend the"
                " cause, then `ldapflow resume`"
            )
        return reasons

    @property
    def halts(self) -> list[str]:
        """What stops all writing without a person's wish; values of the metric `ldapflow_halted`."""
        return [] if self.braked_at is None else ["brake"]

    @property
    def is_open(self) -> bool:
        """Whether anything may be written."""
        return not self.paused and self.braked_at is None

    async def opened(self) -> None:
        """Wait until it is open."""
        while not self.is_open:
            await self._changed.wait()

    def obey(self, *, paused: bool, resumed_at: int | None) -> None:
        """Take in what people said last; a resume ends a brake that was pulled without knowing of it.

        Offsets tell which came first: the clocks of two machines do not.

        Args:
            paused: nothing shall be written.
            resumed_at: the offset of the last `Resume` on the control topic; None when there is none.
        """
        self.paused = paused
        if self.braked_at is not None and resumed_at is not None and resumed_at > self.braked_at:
            self.braked_at = None
            self._refused.clear()
        self._announce()

    def note_success(self) -> None:
        """The directory took something."""
        self._refused.clear()

    def note_refusal(self, kind: Kind, identifier: str, failure: Permanent, position: int) -> bool:
        """Count a refusal; True when this one pulled the brake.

        Only what the server refuses counts, and each entity once: twenty in a row are hardly twenty bad events.

        Args:
            kind: of the refused entity.
            identifier: its id.
            failure: what was said of it.
            position: the offset up to which the control topic is known.
        """
        if failure.reason is not DeadLetterReason.REFUSED_BY_DIRECTORY:
            return False
        self._refused.add((kind, identifier))
        if len(self._refused) < BRAKE_AFTER or self.braked_at is not None:
            return False
        self.braked_at = position
        self._announce()
        return True

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
