"""What a verification says of one entity and its entry (design section 6, step 4)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, assert_never

from processors.intent import Absent, NeverWritten, Present, Unknown, intent_of
from processors.placement import NamedNode, OrganizationNode, Placed, names_along
from processors.wanted import EntryRules
from schemas.entries import EntryDrift, FoundEntry, WantedEntry
from schemas.errors import Permanent
from schemas.events import Kind, Record
from schemas.jobs import EntryState
from schemas.states import Binding, PasswordStatus, State, Status

SWEPT = "not_in_the_push"


class Drifts(Protocol):
    """Compares an entry with the wanted one as the directory does, and as the worker would write it."""

    def whole(self, wanted: WantedEntry, found: FoundEntry) -> EntryDrift:
        """Compare the name and everything that is mapped."""

    def in_place(self, wanted: WantedEntry, found: FoundEntry) -> EntryDrift:
        """Compare what does not name the entry: for one that waits for its place."""

    def lock(self, found: FoundEntry, *, enabled: bool, locked: bool) -> EntryDrift:
        """Compare an account's lock."""


class Node(OrganizationNode, NamedNode, Protocol):
    """What must be known of an organization."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is to be said of one entity.

    Attributes:
        state: None when there is no entry, and there shall be none.
        reason: why it waits, is held or dead-lettered; or why its entry must go.
        home: the organizations below which the entry must stand, as in `Placed`; None when that is not to be asked.
    """

    state: EntryState | None
    attributes: tuple[str, ...] = ()
    reason: str | None = None
    home: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Comparer:
    """Compares states with entries, by the decisions that the worker makes.

    Attributes:
        rules: of both kinds, with what the object classes demand.
        tree: the organizations; those that this verification will give an entry count as bound.
        source_node: where the scope begins.
        removes_disabled: disabled accounts have no entry.
        passwords: they are synchronized. What an entry has nobody can read, but what it is still to get is known.
    """

    rules: Mapping[Kind, EntryRules]
    tree: Callable[[str], Node | None]
    drifts: Drifts
    source_node: str
    removes_disabled: bool
    passwords: bool = False

    def compare(
        self, kind: Kind, identifier: str, state: State, found: FoundEntry | None, *, swept: bool = False
    ) -> Finding:
        """Compare one entity's state with the entry that it is bound to.

        Args:
            kind: the entity's.
            identifier: the entity's.
            state: its own.
            found: None when it is bound to none, or that is not there, or says that it is another entity's.
            swept: a complete push did not bring the entity.
        """
        intent = intent_of(kind, identifier, state, self.tree, self.source_node, removes_disabled=self.removes_disabled)
        if isinstance(intent, NeverWritten):
            return Finding(None)
        if state.status is Status.HELD:
            return Finding(EntryState.HELD, reason=state.reason)
        if swept and not isinstance(intent, Absent):
            return Finding(EntryState.ORPHAN, reason=SWEPT) if found is not None else Finding(None)
        match intent:
            case Absent():
                return _absent(state, found)
            case Unknown():
                return Finding(_undone(state) or EntryState.WAITING, reason=state.reason or "no_record")
            case Present(record, place):
                if isinstance(place, Placed):
                    return self._placed(record, state, found, place.path)
                return self._in_place(record, state, found, place.reason)
            case _:
                assert_never(intent)

    def wanted(self, record: Record, binding: Binding | None, path: tuple[str, ...] | None) -> WantedEntry:
        """Work an entry out, as the worker does.

        Args:
            record: of the entity.
            binding: the entity's.
            path: as in `Placed`; None while its place is not known.

        Raises:
            Permanent: as `EntryRules.wanted`.
        """
        names = None if path is None else names_along(path, self.tree)
        return self.rules[record.kind].wanted(record, None if binding is None else binding.rdn, path_names=names)

    def _placed(self, record: Record, state: State, found: FoundEntry | None, path: tuple[str, ...]) -> Finding:
        if _undone(state) is not None:
            return self._in_place(record, state, found, state.reason)
        try:
            wanted = self.wanted(record, state.binding, path)
        except Permanent as exc:
            return self._refused(record, state, found, exc.reason.value)
        if found is None:
            return Finding(EntryState.MISSING, home=path)
        drift = self.drifts.whole(wanted, found)
        attributes = (*drift.attributes, *self._lock(record, state, found), *self._password(state))
        if drift.renamed:
            return Finding(EntryState.MISPLACED, attributes, home=path)
        return Finding(EntryState.CHANGED if attributes else EntryState.SAME, attributes, home=path)

    def _in_place(self, record: Record, state: State, found: FoundEntry | None, reason: str | None) -> Finding:
        """One that waits, or was refused: what it has already is kept up to date where it is."""
        if state.status is Status.DEAD_LETTERED:
            return self._refused(record, state, found, state.reason)
        if found is None:
            return Finding(EntryState.WAITING, reason=reason)
        try:
            wanted = self.wanted(record, state.binding, None)
        except Permanent as exc:
            return self._refused(record, state, found, exc.reason.value)
        attributes = (*self.drifts.in_place(wanted, found).attributes, *self._lock(record, state, found))
        return Finding(EntryState.CHANGED if attributes else EntryState.WAITING, attributes, reason)

    def _refused(self, record: Record, state: State, found: FoundEntry | None, reason: str | None) -> Finding:
        """Nothing of it can be written but the lock, which comes first and by itself."""
        attributes = () if found is None else self._lock(record, state, found)
        return Finding(EntryState.CHANGED if attributes else EntryState.DEAD_LETTERED, attributes, reason)

    def _lock(self, record: Record, state: State, found: FoundEntry) -> tuple[str, ...]:
        if record.kind is not Kind.ACCOUNT:
            return ()
        return self.drifts.lock(found, enabled=record.enabled, locked=state.locked).attributes

    def _password(self, state: State) -> tuple[str, ...]:
        pending = state.password is not None and state.password.status is PasswordStatus.PENDING
        return ("userPassword",) if self.passwords and pending else ()


def _absent(state: State, found: FoundEntry | None) -> Finding:
    undone = _undone(state)
    if found is None:
        return Finding(undone, reason=None if undone is None else state.reason)
    return Finding(EntryState.ORPHAN, reason=None if undone is None else state.reason)


def _undone(state: State) -> EntryState | None:
    """What the last attempt to apply the state came to, if it did not succeed."""
    match state.status:
        case Status.WAITING:
            return EntryState.WAITING
        case Status.DEAD_LETTERED:
            return EntryState.DEAD_LETTERED
        case _:
            return None
