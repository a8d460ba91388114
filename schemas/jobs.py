"""What a verification or a full push found and did: records of the jobs topic (contract section 1; design 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from schemas.events import Kind


class EntryState(StrEnum):
    """What a verification says of an entity or an entry; values of the metric `ldapflow_verification_entries`."""

    SAME = "same"
    MISSING = "missing"
    CHANGED = "changed"
    MISPLACED = "misplaced"
    ORPHAN = "orphan"
    UNMANAGED = "unmanaged"
    DUPLICATE = "duplicate"
    WAITING = "waiting"
    HELD = "held"
    DEAD_LETTERED = "dead_lettered"


DELETED_AT_SOURCE: Final = "deleted_at_source"  # of an entry that belongs to nobody: whose it was is known still

DRIFT: Final = frozenset(
    {EntryState.MISSING, EntryState.CHANGED, EntryState.MISPLACED, EntryState.ORPHAN, EntryState.DUPLICATE}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the drift report; everything but what is the same.

    Attributes:
        id: of the entity; of an entry that belongs to nobody, whose it was or says it is, if that is known.
        dn: where its entry is.
        wanted_dn: where its entry should be, if that is known and another place.
        attributes: those that differ, in the configuration's spelling; never their values.
        reason: of an entity that waits, is held or dead-lettered; or why an entry is nobody's.
    """

    state: EntryState
    kind: Kind
    id: str | None = None
    entry_uuid: str | None = None
    dn: str | None = None
    wanted_dn: str | None = None
    attributes: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def is_drift(self) -> bool:
        """Whether the directory is not what it should be."""
        return self.state in DRIFT


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The whole directory against the whole snapshot.

    Attributes:
        counts: how many of each kind are in each state; `same` among them.
        differences: organizations before accounts, parents before children.
        omitted: how many more differences there were than are kept here.
    """

    counts: Mapping[tuple[Kind, EntryState], int]
    differences: tuple[Difference, ...] = ()
    omitted: int = 0

    @property
    def has_drift(self) -> bool:
        """Whether anything must be corrected."""
        return any(count for (_, state), count in self.counts.items() if state in DRIFT)


class Action(StrEnum):
    """What a correction did; values of the label `action` of `ldapflow_verification_corrections_total`."""

    CREATED = "created"
    UPDATED = "updated"
    MOVED = "moved"
    DELETED = "deleted"
    FAILED = "failed"


class JobState(StrEnum):
    """How far a job came."""

    RUNNING = "running"
    DONE = "done"
    UNFINISHED = "unfinished"  # the workers stand still; what was asked of them stays valid
    STOPPED = "stopped"  # a guard or a doubt: nothing was corrected, or not everything
    FAILED = "failed"


class Trigger(StrEnum):
    """Who wanted a verification."""

    SCHEDULE = "schedule"
    VERIFY = "verify"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class FailedCorrection:
    """One entity that is not as it should be after its correction."""

    kind: Kind
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """One run of the compaction job. Times in milliseconds.

    Attributes:
        rebind: bindings counted as none, and it deleted nothing.
        request: the control record that asked for it; None when a schedule or its own command did.
        detail: for people: why it is not done.
        swept: the push whose absence of entities deleted them; None when no complete push was there.
    """

    id: str
    trigger: Trigger
    dry_run: bool
    state: JobState
    started: int
    rebind: bool = False
    ended: int | None = None
    request: str | None = None
    detail: str | None = None
    swept: str | None = None
    report: DriftReport | None = None
    corrections: Mapping[tuple[Kind, Action], int] = field(default_factory=dict)
    failures: tuple[FailedCorrection, ...] = ()

    @property
    def corrects_everything(self) -> bool:
        """Whether it is a full sync: it corrects what differs, and deletes what must go."""
        return not self.dry_run and not self.rebind

    @property
    def uncorrected(self) -> int:
        """How many corrections failed; `failures` names the first of them only."""
        return sum(count for (_, action), count in self.corrections.items() if action is Action.FAILED)

    @property
    def succeeded(self) -> bool:
        """Whether the directory is as it should be because of it; a dry run only looks."""
        return self.state is JobState.DONE and not self.dry_run and not self.uncorrected


@dataclass(frozen=True, slots=True)
class FullPush:
    """A full push as its two marks tell it; written by the worker that handles them.

    Attributes:
        id: the push id.
        organizations: as many as were declared.
        accounts: as many as were declared.
        began: milliseconds: Kafka time of the mark `begin`, its eventTime, or when a worker handled it, the earliest of
            them: when the records were taken; None when it never came.
        ended: milliseconds: Kafka time of the mark `end`; None while it has not come.
        input_ends: the ends of the input topics when `end` was handled: (topic, partition) to offset.
    """

    id: str
    organizations: int
    accounts: int
    began: int | None
    ended: int | None = None
    input_ends: Mapping[tuple[str, int], int] = field(default_factory=dict)


Job: TypeAlias = Verification | FullPush
