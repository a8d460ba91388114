"""Applies what was only kept so far: states made again from history, or kept while provisioning was switched off.

Not for a worker that leaves LDAP to verifications (`sync.incremental: false`): there `pending` states wait for those.
"""

from collections.abc import Callable, Iterator

from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.worker.states.state_view import StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives


class PendingWatch:
    """Redrives pending states of our partitions.

    Args:
        owns: whether a partition of a kind is ours, and none of its states is still to be made again from history.
    """

    def __init__(
        self, view: StateView, redriver: Redrives, owns: Callable[[Kind, int], bool], backlog: Backlog
    ) -> None:
        self._view = view
        self._redriver = redriver
        self._owns = owns
        self._backlog = backlog

    def look(self) -> None:
        """Ask for a look at everything that is pending: at the end of a history, on assignment, every 30 s."""
        for kind in Kind:
            self._backlog.add(self.look_at, kind)

    def look_at(self, kind: Kind) -> Iterator[None]:
        """Take that look, step by step; the view may change between two of them."""
        for subject in tuple(seen.subject for seen in self._view.with_status(kind, Status.PENDING)):
            seen = self._view.get(subject)
            if seen is not None and seen.status is Status.PENDING and self._owns(kind, seen.partition):
                self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.RELEASE)
            yield
