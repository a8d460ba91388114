"""What people decided, and what is known of the topics: records of the control topic (contract section 1).

They are facts, not orders: every owner acts on those that concern its states, whenever it meets them (design section 5,
"Guard"; section 6, "Topics made anew").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from schemas.events import Kind


@dataclass(frozen=True, slots=True)
class Approval:
    """Held deletions may happen.

    Attributes:
        kind: None means both.
        ids: None means every one that was held then; a set, because each held state is looked up in it.
        before: milliseconds: states whose `status_time` is later were not looked at.
    """

    kind: Kind | None
    ids: frozenset[str] | None
    before: int


@dataclass(frozen=True, slots=True)
class Discard:
    """Held deletions shall not happen: the entries stay, as unmanaged ones; fields as in `Approval`."""

    kind: Kind | None
    ids: frozenset[str] | None
    before: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is written to LDAP until a `Resume`; the last of the two by offset holds."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Writing goes on; a brake older than this ends too."""


@dataclass(frozen=True, slots=True)
class DeadLetterHandled:
    """A dead letter was retried or discarded: lists hide it."""

    partition: int
    offset: int
    retried: bool


@dataclass(frozen=True, slots=True)
class TopicIds:
    """The topics are these, and the states tell all that was published on them; an older `ResyncNeeded` is over.

    Attributes:
        ids: topic name to the id that Kafka gave it; a topic that is made anew has another one.
    """

    ids: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ResyncNeeded:
    """Events or states were lost: only a complete full push makes the states whole again.

    Attributes:
        reason: for people: what was found.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class PushRequest:
    """Somebody wants a verification now; the job record that names the id is the answer (design section 6)."""

    id: str


Decision: TypeAlias = Approval | Discard | Pause | Resume | DeadLetterHandled | TopicIds | ResyncNeeded | PushRequest


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision and when it was written down.

    Attributes:
        offset: on the control topic, whose one partition orders all decisions.
        time: milliseconds: the Kafka timestamp.
    """

    offset: int
    time: int
    decision: Decision
