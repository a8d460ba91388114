"""Has organizations written again when one above them gets another name or place (contract section 4, expressions).

Their own records do not change, but the values that are made of `organization.path` do.
"""

from collections.abc import Callable, Iterator

from schemas.events import Kind, RedriveReason
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.redriving import Redrives


class PathWatch:
    """Redrives the organizations of our partitions whose path may be another one; only for rules that use it.

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
        view.listen(self._on_change)

    def look_at_everything(self) -> None:
        """After an assignment: what the former owner noticed may have been lost with it, and no state tells of it."""
        self._backlog.add(self._look_at_all, None)

    def _on_change(self, before: Seen | None, seen: Seen | None) -> None:
        either = seen or before
        if either is not None and either.kind is Kind.ORGANIZATION and _step(before) != _step(seen):
            self._backlog.add(self._look_below, either.id)

    def _look_at_all(self, _: None) -> Iterator[None]:
        for identifier in self._view.ids(Kind.ORGANIZATION):
            self._redrive(self._view.organization(identifier))
            yield

    def _look_below(self, organization_id: str) -> Iterator[None]:
        for seen in self._view.below(organization_id):
            self._redrive(seen)
            yield

    def _redrive(self, seen: Seen | None) -> None:
        # Who has no entry yet is written with the path as it is then.
        if seen is None or seen.kind is not Kind.ORGANIZATION or not seen.is_bound:
            return
        if self._owns(seen.kind, seen.partition):
            self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.RELEASE)


def _step(seen: Seen | None) -> tuple[str | None, tuple[str, ...]] | None:
    """What an organization adds to the paths of those below it."""
    return None if seen is None else (seen.name, seen.parents)
