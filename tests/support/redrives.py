"""What the worker's watches are tested with: entities as the view sees them, and a record of the redrives asked for."""

from dataclasses import replace
from typing import Any, Final

from schemas.events import ROOT_ORGANIZATION, Kind, RedriveReason
from schemas.states import Binding, Revision, Status
from streams.worker.states.state_view import Reading, Seen

TARGET: Final = "00000000-0000-4000-8000-000000000001"


class RecordedRedrives:
    """Stands where `Redriver` publishes to Kafka; keeps what was asked for.

    Attributes:
        asked: id and reason of each.
        revisions: of the same.
        partitions: of the same.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, RedriveReason]] = []
        self.revisions: list[Revision] = []
        self.partitions: list[int] = []

    def ask(self, kind: Kind, identifier: str, partition: int, revision: Revision, reason: RedriveReason) -> None:
        """As `Redriver.ask`."""
        if kind not in Kind:
            raise ValueError(kind)
        self.asked.append((identifier, reason))
        self.revisions.append(revision)
        self.partitions.append(partition)

    def take(self) -> list[tuple[str, RedriveReason]]:
        """What was asked for since the last time."""
        asked, self.asked = self.asked, []
        return asked


def seen(identifier: str, *parents: str, kind: Kind = Kind.ACCOUNT, **changes: Any) -> Seen:
    """An account, of partition 1, that was applied and has no entry."""
    first = Seen(
        kind=kind,
        id=identifier,
        partition=1,
        revision=(1, 1),
        parents=parents,
        is_deleted=False,
        is_bound=False,
        binding=None,
        status=Status.APPLIED,
        status_time=1000,
        removed_at=None,
        reason=None,
        awaited=None,
    )
    return replace(first, **changes)


def unit(identifier: str, parent: str = ROOT_ORGANIZATION, **changes: Any) -> Seen:
    """An organization, of partition 0, that was applied and has no entry."""
    return seen(identifier, parent, kind=Kind.ORGANIZATION, **{"partition": 0, **changes})


def bound(entity: Seen, *, entry: str | None = None, name: str | None = None, at: int = 1) -> Seen:
    """The same with an entry: `entry` is its entryUUID, `name` the value of its RDN; both are its id if not given."""
    attribute = "uid" if entity.kind is Kind.ACCOUNT else "ou"
    dn = f"{attribute}={name or entity.id},ou=company,dc=example,dc=com"
    return replace(entity, is_bound=True, binding=Binding(entry or entity.id, dn, TARGET, at))


def unbound(entity: Seen) -> Seen:
    """The same without an entry."""
    return replace(entity, is_bound=False, binding=None)


def again(entity: Seen, **changes: Any) -> Seen:
    """The same, written once more."""
    return replace(entity, revision=(entity.revision[0], entity.revision[1] + 1), **changes)


def read(entity: Seen) -> Reading:
    """The same as a message that the reader of the topics found."""
    return Reading(entity.subject, replace(entity, offset=1))
