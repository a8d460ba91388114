"""What is remembered of one account or organization: the full snapshot (contract section 3)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self, TypeAlias

from schemas.dn import DN, RDN
from schemas.events import NEVER, Kind, Record, Subject


class Status(StrEnum):
    """The outcome of the last event of an entity."""

    APPLIED = "applied"
    PENDING = "pending"
    WAITING = "waiting"
    HELD = "held"
    DEAD_LETTERED = "dead_lettered"
    OUT_OF_SCOPE = "out_of_scope"


@dataclass(frozen=True, slots=True)
class Binding:
    """Which LDAP entry belongs to the entity.

    Attributes:
        entry_uuid: RFC 4530; the truth.
        dn: where the entry was last seen; a hint.
        target: the entryUUID of the target node under which it was bound.
        bound_at: milliseconds.
    """

    entry_uuid: str
    dn: str
    target: str
    bound_at: int

    @property
    def rdn(self) -> RDN | None:
        """The name that the entry had then; None where the hint cannot be read."""
        try:
            return DN.parse(self.dn).rdn
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class AwaitsOrganization:
    """Until that organization is known and has an entry."""

    organization_id: str


@dataclass(frozen=True, slots=True)
class AwaitsEntity:
    """Until that entity leaves the DN or the entry.

    Attributes:
        kind: None: of the same kind as who waits.
    """

    entity_id: str
    kind: Kind | None = None

    @classmethod
    def of(cls, awaited: Subject, waiter: Kind) -> Self:
        """Wait for an entity of any kind."""
        kind, identifier = awaited
        return cls(identifier, None if kind is waiter else kind)

    def subject(self, waiter: Kind) -> Subject:
        """Whom somebody of that kind waits for."""
        return self.kind or waiter, self.entity_id


@dataclass(frozen=True, slots=True)
class AwaitsChildren:
    """Until the entries below are gone."""


@dataclass(frozen=True, slots=True)
class AwaitsTime:
    """Until somebody changes the directory or the record; looked at again with back-off."""


Awaited: TypeAlias = AwaitsOrganization | AwaitsEntity | AwaitsChildren | AwaitsTime
Revision: TypeAlias = tuple[int, int]


class PasswordStatus(StrEnum):
    """What became of a password."""

    PENDING = "pending"
    APPLIED = "applied"
    REFUSED = "refused"  # by the directory
    LOST = "lost"  # its message is gone


@dataclass(frozen=True, slots=True)
class PasswordNote:
    """Where the newest password lies; never the password itself.

    Attributes:
        topic_id: Kafka's id of the topic: one of the same name that was made anew holds other messages.
        time: of the event that brought it, in milliseconds.
        tried: it was about to be written, and may have been: only the record of what came of it is missing.
    """

    topic_id: str
    partition: int
    offset: int
    time: int
    status: PasswordStatus = PasswordStatus.PENDING
    tried: bool = False

    def is_same(self, other: "PasswordNote | None") -> bool:
        """Whether both are about the same message."""
        return other is not None and (self.topic_id, self.partition, self.offset) == (
            other.topic_id,
            other.partition,
            other.offset,
        )


@dataclass(frozen=True, slots=True)
class State:
    """Everything known of one entity. All times in milliseconds.

    Attributes:
        record: the newest whole record; a frame around the memberships while only those are known; else None.
        record_time: newest updateTime of whole records; 0 when none had one; -1 when no whole record ever came.
        event_time: of the last event: another clock than `record_time`.
        membership_time: of the last membership event, if one counts.
        received_time: Kafka time of the last event, redrives excepted.
        writer: (consumer generation, counter); grows with every write.
    """

    record: Record | None
    record_time: int
    event_time: int
    received_time: int
    status: Status
    status_time: int
    writer: Revision
    membership_time: int | None = None
    deleted_at: int | None = None
    removed_at: int | None = None
    binding: Binding | None = None
    reason: str | None = None
    awaited: Awaited | None = None
    password: PasswordNote | None = None
    locked: bool = False
    push_id: str | None = None

    @property
    def is_swept(self) -> bool:
        """Whether no event told of the deletion: a full push did not name the entity (`processors.retiring`)."""
        return self.deleted_at is not None and self.deleted_at != self.event_time

    @property
    def whole(self) -> bool:
        """Whether a whole record ever came; without one nothing can be created."""
        return self.record_time != NEVER
