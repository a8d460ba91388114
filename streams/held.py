"""Held deletions, as all workers know them, and waiting until a decision about them is carried out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from schemas.control import Approval, Discard
from schemas.errors import CommandFailed
from schemas.events import Kind
from schemas.states import Status
from streams.control import covers
from streams.settings import Settings
from streams.worker.states.state_reader import StateReader
from streams.worker.states.state_view import Seen, StateView

PATIENCE_SECONDS: Final = 60.0


class HeldDeletions:
    """The states that are held, from the state topics; as new as Kafka while `opened` runs.

    Attributes:
        view: all states.
    """

    def __init__(self, view: StateView) -> None:
        self.view = view
        self._changed = asyncio.Event()
        view.listen(lambda *_: self._changed.set())

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: Settings) -> AsyncIterator["HeldDeletions"]:
        """Read all states and follow their changes.

        Raises:
            CommandFailed: Kafka does not answer, or a topic is missing.
        """
        view = StateView((settings.sync.target_entry_uuid or "").lower())
        async with StateReader(settings, view):
            yield cls(view)

    def of(self, kind: Kind | None = None) -> list[Seen]:
        """What is held, those held longest first."""
        kinds = Kind if kind is None else (kind,)
        found = [seen for one in kinds for seen in self.view.with_status(one, Status.HELD)]
        return sorted(found, key=lambda seen: (seen.status_time, seen.kind, seen.id))

    def chosen(self, kind: Kind | None, ids: Iterable[str]) -> list[Seen]:
        """What is held and named; all of the kind where no id is given.

        Raises:
            CommandFailed: an id is not held; names all such.
        """
        held, wanted = self.of(kind), frozenset(ids)
        missing = sorted(wanted - {seen.id for seen in held})
        if missing:
            raise CommandFailed(f"not held: {', '.join(missing)}: nothing was decided; see `ldapflow guard status`")
        return [seen for seen in held if seen.id in wanted] if wanted else held

    async def carried_out(
        self, decision: Approval | Discard, show: Callable[[int], None], patience: float = PATIENCE_SECONDS
    ) -> None:
        """Wait until nothing that the decision speaks of is held any more.

        Args:
            decision: was written down already.
            show: is told how many are no longer held.
            patience: seconds without any change after which nobody seems to work.

        Raises:
            CommandFailed: that happened; the decision stays valid.
        """
        total = left = self._left(decision)
        changed_at = monotonic()
        while left:
            show(total - left)
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), max(0.0, changed_at + patience - monotonic()))
            except TimeoutError:
                raise CommandFailed(
                    f"{left} of {total} are still held, and nothing changed for {patience:.0f} s: is a worker running"
                    " and not paused or halted? The decision is recorded and stays valid"
                ) from None
            now_left = self._left(decision)
            if now_left != left:
                changed_at, left = monotonic(), now_left
        show(total)

    def _left(self, decision: Approval | Discard) -> int:
        return sum(covers(decision, seen.kind, seen.id, seen.status_time) for seen in self.of())
