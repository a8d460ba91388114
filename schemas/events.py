"""Events and records, as IDaaS sends them (contract section 2).

Source: Alibaba Cloud IDaaS, event callbacks of an application (event types, `bizData`, times in milliseconds).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

TYPE_PREFIX: Final = "urn:alibaba:idaas:app:event:"
ROOT_ORGANIZATION: Final = "ou_root"
NEVER: Final = -1  # IDaaS writes it for "does not expire"


class Kind(StrEnum):
    """The two sorts of subjects; also the metric label `kind`."""

    ORGANIZATION = "organization"
    ACCOUNT = "account"


class EventType(StrEnum):
    """`eventType` after its prefix."""

    ORGANIZATION_CREATE = "ud:organizational_unit:create"
    ORGANIZATION_UPDATE = "ud:organizational_unit:update"
    ORGANIZATION_PUSH = "ud:organizational_unit:push"
    ORGANIZATION_MOVE = "ud:organizational_unit:update_parent_organizational_unit"
    ORGANIZATION_DELETE = "ud:organizational_unit:delete"
    MEMBER_ADD = "ud:organizational_unit:add_user"
    MEMBER_REMOVE = "ud:organizational_unit:remove_user"
    ACCOUNT_CREATE = "ud:user:create"
    ACCOUNT_UPDATE = "ud:user:update_info"
    ACCOUNT_PUSH = "ud:user:push"
    ACCOUNT_MOVE = "ud:user:update_primary_ou"
    ACCOUNT_PASSWORD = "ud:user:update_password"  # noqa: S105 - an event's name
    ACCOUNT_ENABLE = "ud:user:enable"
    ACCOUNT_DISABLE = "ud:user:disable"
    ACCOUNT_LOCK = "ud:user:lock"
    ACCOUNT_UNLOCK = "ud:user:unlock"
    ACCOUNT_DELETE = "ud:user:delete"
    PUSH_BEGIN = "ud:push:begin"
    PUSH_END = "ud:push:end"
    REDRIVE = "ldapflow:redrive"
    TEST = "common:test"


Subject: TypeAlias = tuple[Kind, str]
"""Kind and id: an account and an organization of one id are two."""


class RedriveReason(StrEnum):
    """Why an owner is asked to look at its own state again (design section 4, "One way in")."""

    RELEASE = "release"
    CYCLE = "cycle"
    UNBIND = "unbind"
    CORRECT = "correct"
    APPROVE = "approve"
    DISCARD = "discard"
    RETRY = "retry"
    SWEEP = "sweep"
    FORGET = "forget"
    HEAL = "heal"


@dataclass(frozen=True, slots=True)
class Membership:
    """An account's place in one organization."""

    organization_id: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Record:
    """An organization or an account as the source knows it.

    `fields` has the current names of the contract, numbers as integers, no secret at any depth; unknown fields are kept
    as they came. The other attributes are read from it once, at the boundary.

    Attributes:
        id: `organizationalUnitId` or `userId`.
        update_time: milliseconds; None when the source gave none.
        parent_id: organizations: the parent's id, None at the top.
        memberships: accounts: None when the record does not speak of them.
        primary_id: accounts: `primaryOrganizationalUnitId`.
        enabled: accounts: `status` is not `disabled`.
    """

    kind: Kind
    id: str
    fields: Mapping[str, Json]
    update_time: int | None = None
    parent_id: str | None = None
    memberships: tuple[Membership, ...] | None = None
    primary_id: str | None = None
    enabled: bool = True

    @property
    def name(self) -> str | None:
        """Organizations: how the source calls it; None without a name."""
        name = self.fields.get("organizationalUnitName")
        return name if isinstance(name, str) and name else None


@dataclass(frozen=True, slots=True)
class WholeRecord:
    """The event carries the entire record."""

    record: Record
    revives: bool  # only a create may bring a deleted entity back by its event time


@dataclass(frozen=True, slots=True)
class Deletion:
    """The subject is gone from the source."""


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """The subject joined or left one organization."""

    organization_id: str
    added: bool
    primary: bool | None


@dataclass(frozen=True, slots=True)
class PasswordSet:
    """The subject's password was set; the password itself stays in the message."""


@dataclass(frozen=True, slots=True)
class PushMark:
    """A full push begins or ends; the subject is the push id."""

    begins: bool
    organizations: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Redrive:
    """The owner applies its own state again, if that is still the one of `revision`."""

    revision: tuple[int, int]
    reason: RedriveReason


@dataclass(frozen=True, slots=True)
class ConnectivityTest:
    """Counted, nothing else."""


Payload: TypeAlias = WholeRecord | Deletion | MembershipChange | PasswordSet | PushMark | Redrive | ConnectivityTest


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded message.

    Attributes:
        subject: the id that the Kafka key names.
        time: milliseconds: `eventTime`, else the Kafka timestamp.
        received_time: milliseconds: the Kafka timestamp.
        has_password: the message carries one (it is read again from Kafka when it is needed, never kept).
    """

    type: EventType
    kind: Kind
    subject: str
    event_id: str | None
    time: int
    received_time: int
    payload: Payload
    push_id: str | None = None
    has_password: bool = False
