"""Notices that somebody is bound to an entry that was nobody's, and stands in another's way.

When a directory is taken over, each entity learns by its own event which entry is its. Until then whoever is hindered
waits for time, because there is nobody to wait for: without this up to an hour.
"""

from collections.abc import Callable, Iterator

from schemas.events import Kind, RedriveReason, Subject
from schemas.states import AwaitsTime, Status
from streams.worker.states.index import Index
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives


class StrangerWatch:
    """Releases those of our partitions who wait for an entry that is somebody's by now.

    What it knows is lost with the process: time releases them as well.

    Args:
        owns: whether a partition of a kind is ours.
        backlog: where looks wait for their turn.
    """

    def __init__(
        self, view: StateView, redriver: Redrives, owns: Callable[[Kind, int], bool], backlog: Backlog
    ) -> None:
        self._view = view
        self._redriver = redriver
        self._owns = owns
        self._backlog = backlog
        self._strangers: dict[Subject, str] = {}
        self._hindered: Index[str, Subject] = Index()
        view.listen(self._on_change)

    def note(self, subject: Subject, stranger: str) -> None:
        """Take note that an entity, as it was just recorded, waits for an entry that is nobody's.

        Args:
            subject: the entity.
            stranger: the entry's entryUUID.
        """
        self._forget(subject)
        self._strangers[subject] = stranger
        self._hindered.add(stranger, subject)
        # Since the directory was asked, the view may have shown it: that change does not come again.
        self._backlog.add(self._look, stranger)

    def _on_change(self, before: Seen | None, seen: Seen | None) -> None:
        for known in (before, seen):
            if known is not None and known.subject in self._strangers and not _waits(seen):
                self._forget(known.subject)
        if (
            seen is not None
            and seen.is_bound
            and seen.binding is not None
            and seen.binding.entry_uuid in self._hindered
        ):
            self._backlog.add(self._look, seen.binding.entry_uuid)

    def _look(self, entry_uuid: str) -> Iterator[None]:
        for subject in sorted(self._hindered[entry_uuid]):
            yield
            holder, seen = self._view.holder(entry_uuid), self._view.get(subject)
            if self._strangers.get(subject) != entry_uuid or seen is None or holder is None or holder == subject:
                continue
            self._forget(subject)
            if self._owns(seen.kind, seen.partition):
                self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.RELEASE)

    def _forget(self, subject: Subject) -> None:
        stranger = self._strangers.pop(subject, None)
        if stranger is not None:
            self._hindered.discard(stranger, subject)


def _waits(seen: Seen | None) -> bool:
    return seen is not None and seen.status is Status.WAITING and isinstance(seen.awaited, AwaitsTime)
