"""Notices what must not be: two entities bound to one entry, and a zombie's late write over a newer state."""

from collections.abc import Callable

from schemas.events import Kind, RedriveReason
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.redriving import Redrives


class BindingWatch:
    """Redrives the states of our partitions that are concerned.

    Args:
        owns: whether a partition of a kind is ours.
    """

    def __init__(self, view: StateView, redriver: Redrives, owns: Callable[[Kind, int], bool]) -> None:
        self._view = view
        self._redriver = redriver
        self._owns = owns
        view.listen(self._on_change)
        view.listen_to_late_writes(self._heal)

    def look(self) -> None:
        """Look at every entry that has several holders: on assignment, every 30 s."""
        for entry_uuid in self._view.shared_entries():
            self._test(entry_uuid)

    def _on_change(self, _: Seen | None, seen: Seen | None) -> None:
        if seen is not None and seen.is_bound and seen.binding is not None:
            self._test(seen.binding.entry_uuid)

    def _test(self, entry_uuid: str) -> None:
        if not self._view.is_shared(entry_uuid):
            return
        # The older binding keeps the entry; the others must find, or make, one of their own.
        rightful = self._view.holder(entry_uuid)
        for subject in sorted(self._view.holders(entry_uuid)):
            holder = self._view.get(subject)
            if holder is not None:
                self._ask(holder, RedriveReason.RELEASE if subject == rightful else RedriveReason.UNBIND)

    def _heal(self, known: Seen) -> None:
        """Whoever reads the topic from its start must not end with the older state: write the newer one again."""
        self._ask(known, RedriveReason.HEAL)

    def _ask(self, seen: Seen, reason: RedriveReason) -> None:
        if self._owns(seen.kind, seen.partition):
            self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, reason)
