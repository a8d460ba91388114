"""One state to its entry: place, map, apply (design section 4, steps 3 to 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.marks import IdMark
from ldap_sink.outcomes import Anothers, Applied, ParentMissing, Removed, Waits
from ldap_sink.probing import Prober
from ldap_sink.sink import Sink
from ldap_sink.subschema import Subschema
from processors.intent import Absent, Cause, NeverWritten, Present, Unknown, intent_of
from processors.placement import Placed, Placement, Unplaced, names_along, place
from processors.wanted import EntryRules
from schemas.dn import DN
from schemas.entries import Add, Change, Move, WantedEntry
from schemas.errors import Retryable
from schemas.events import Kind, Record, RedriveReason
from schemas.states import AwaitsEntity, AwaitsOrganization, AwaitsTime, Binding, State, Status
from streams.settings import DisabledAccounts
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.attempt import Attempt, Verdict
from streams.worker.applying.naming import Names
from streams.worker.applying.parents import Parent, Parents, ParentVanished
from streams.worker.states.state_view import StateView
from streams.worker.watching.deletion_guard import DeletionGuard
from streams.worker.watching.redriving import Redriver

_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Parts:
    """What an `Applier` works with.

    Attributes:
        rules: of both kinds; what the object classes demand is added from the server's schema.
    """

    directory: Directory
    sink: Sink
    prober: Prober
    view: StateView
    redriver: Redriver
    guard: DeletionGuard
    locks: AccountLocks
    rules: Mapping[Kind, EntryRules]


class Applier:
    """Makes the directory what the states say."""

    def __init__(self, parts: Parts, source_node: str, disabled_accounts: DisabledAccounts) -> None:
        self._parts = parts
        self._source_node = source_node
        self._disabled_accounts = disabled_accounts
        self._names = Names(parts.sink, parts.rules)
        self._parents = Parents(parts.directory, parts.sink, parts.view)
        self._rules: tuple[Subschema, Mapping[Kind, EntryRules]] | None = None

    async def apply(self, attempt: Attempt) -> Verdict:
        """Do what the state asks for.

        Raises:
            Retryable, Permanent, Halting: as the directory says, and `Prober.judging`.
        """
        return await self._parts.prober.judging(lambda: self._apply(attempt))

    async def _apply(self, attempt: Attempt) -> Verdict:
        removes_disabled = self._disabled_accounts is DisabledAccounts.REMOVE
        tree = self._parts.view.organization
        match intent_of(*attempt.subject, attempt.state, tree, self._source_node, removes_disabled=removes_disabled):
            case NeverWritten():
                return Verdict(Status.APPLIED, "root")
            case Absent(cause):
                return await self._remove(attempt, _gone(attempt.state, cause))
            case Unknown():
                return Verdict(Status.WAITING, "no_record")
            case Present(record, placement):
                if isinstance(placement, Placed):
                    return await self._put(attempt, record, placement)
                return await self._wait(attempt, record, placement)

    def _place(self, record: Record) -> Placement:
        return place(record, self._parts.view.organization, self._source_node)

    async def _put(self, attempt: Attempt, record: Record, placed: Placed) -> Verdict:
        # First, and on its own: a leaver must not stay because of a bad mail address.
        await self._parts.locks.settle(attempt, record, self._mark(attempt))
        known = attempt.binding
        for _ in range(_ROUNDS):
            route = self._parents.route(placed.path)
            wanted = await self._wanted(record, known, placed)
            try:
                parent = await self._parents.resolve(placed.path)
                if obstacle := await self._own_descendant(attempt, placed, parent.dn):
                    return Verdict(Status.WAITING, "below_itself", AwaitsEntity(obstacle))
                outcome = await self._apply_below(attempt, wanted, parent)
            except ParentMissing:
                self._parents.forget(placed.path)
                continue
            except ParentVanished as exc:
                return self._await_vanished(exc.organization_id)
            except BaseException:
                # What was written unseen stands below this DN, whose ever it is: the next try must not trust it.
                self._parents.forget(placed.path)
                raise
            await self._parts.locks.settle(attempt, record, self._mark(attempt))
            if isinstance(outcome, Waits):
                return Verdict(
                    *(Status.WAITING, outcome.reason, outcome.awaited),
                    occupied=outcome.occupied,
                    stranger=outcome.stranger,
                )
            again = self._place(record)
            if outcome is None:
                self._parents.forget(placed.path)
            elif again == placed and self._parents.route(placed.path) == route:
                return _standing_aside(attempt) or Verdict(Status.APPLIED)
            # The tree changed meanwhile: another organization may have the old DN by now.
            if not isinstance(again, Placed):
                return Verdict(Status.WAITING, "organization_moving", AwaitsTime())
            placed = again
        raise Retryable("parent_missing", "the parent's entry is moved or removed again and again")

    async def _apply_below(self, attempt: Attempt, wanted: WantedEntry, parent: Parent) -> Applied | Waits | None:
        """Apply below a parent; None when another entry has the parent's DN by now: it must be applied again."""
        before, count = attempt.binding, len(attempt.changes)
        outcome = await self._names.apply(attempt, wanted, parent.dn)
        if isinstance(outcome, Applied) and not _is_placed(before, outcome.binding, attempt.changes[count:]):
            return outcome
        return outcome if await self._parents.stands(parent) else None

    async def _own_descendant(self, attempt: Attempt, placed: Placed, parent: DN) -> str | None:
        """The organization that still stands below the one that is to go below it, and must leave first."""
        binding = attempt.binding
        if attempt.kind is not Kind.ORGANIZATION or binding is None or not placed.path:
            return None
        if not parent.is_at_or_below(DN.parse(binding.dn)):
            return None
        own = await self._parts.sink.present_dn(binding, DN.parse(binding.dn))
        if own is None or not parent.is_at_or_below(own):
            return None
        for length in range(1, len(placed.path) + 1):
            if (await self._parents.resolve(placed.path[:length])).dn.is_below(own):
                return placed.path[length - 1]
        return None

    def _await_vanished(self, organization_id: str) -> Verdict:
        """The organization's owner shall make its entry again; we wait for it."""
        seen = self._parts.view.organization(organization_id)
        if seen is not None:
            self._parts.redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.CORRECT)
        return Verdict(Status.WAITING, "organization_vanished", AwaitsOrganization(organization_id))

    async def _wait(self, attempt: Attempt, record: Record, unplaced: Unplaced) -> Verdict:
        """Its place is not known yet; an entry that it has already is kept up to date where it is."""
        if attempt.binding is not None:
            await self._parts.locks.settle(attempt, record, self._mark(attempt))
            outcome = await self._parts.sink.apply_in_place(
                await self._wanted(record, attempt.binding, None), attempt.binding
            )
            if outcome is not None:
                attempt.changes += outcome.changes
            match outcome:
                case Applied(binding, _):
                    attempt.bind(binding)
                case Anothers():
                    attempt.bind(None)  # or whoever it belongs to would find it taken
                    attempt.note_lock(locked=False)
        awaited = None if unplaced.organization_id is None else AwaitsOrganization(unplaced.organization_id)
        return Verdict(Status.WAITING, unplaced.reason, awaited)

    async def _remove(self, attempt: Attempt, done: Verdict) -> Verdict:
        """Delete the entry, if there is one and the guard does not hold it; `done` says what that means."""
        if waits := await self._find_own(attempt):
            return waits
        if attempt.binding is None:
            return done
        if not attempt.admitted:
            attempt.admitted = await self._parts.guard.admit(attempt.kind, attempt.until_recorded)
        if not attempt.admitted:
            return Verdict(Status.HELD, "deletion_guard")
        outcome = await self._parts.sink.remove(attempt.binding, mark=self._mark(attempt))
        attempt.changes += outcome.changes
        if attempt.approved and isinstance(outcome, Waits):
            # Still held: whoever approved it waits with it, and it is asked again every 30 s without a second approval.
            return Verdict(Status.HELD, "deletion_guard")
        match outcome:
            case Removed():
                attempt.bind(None)
                attempt.note_lock(locked=False)
                return replace(done, removed=bool(outcome.changes) and not attempt.approved)
            case Waits("children", _) if self._parts.view.is_empty_below(attempt.identifier):
                return await self._await_children(attempt, attempt.binding)
            case Waits(reason, awaited):
                return Verdict(Status.WAITING, reason, awaited)

    async def _find_own(self, attempt: Attempt) -> Verdict | None:
        """Make sure that the binding of an entity that shall go is to an entry of its own."""
        mark, binding = self._mark(attempt), attempt.binding
        if binding is None and mark is not None and attempt.state.record is None:
            # Of an id that was never seen the entry itself may tell.
            match await self._parts.sink.find_by_id(mark):
                case Waits(reason, awaited):
                    return Verdict(Status.WAITING, reason, awaited)
                case found:
                    attempt.bind(found)
        elif binding is not None:
            holder = self._parts.view.holder(binding.entry_uuid)
            if holder is not None and holder != attempt.subject:
                attempt.bind(None)  # two took one entry, and it belongs to the other
        return None

    async def _await_children(self, attempt: Attempt, binding: Binding) -> Verdict:
        """Nobody belongs below it any more: who still stands there waits elsewhere, or is somebody else's."""
        children = await self._parts.sink.children(binding)
        if not children and not attempt.has_looked_twice:
            attempt.has_looked_twice = True
            raise Retryable("children_gone", "its children have gone meanwhile")
        for entry_uuid in children:
            holder = self._parts.view.holder(entry_uuid)
            if holder is not None:
                return Verdict(Status.WAITING, "children", AwaitsEntity.of(holder, attempt.kind))
        return Verdict(Status.WAITING, "foreign_children", AwaitsTime())

    def _mark(self, attempt: Attempt) -> IdMark | None:
        """By what the entry says that it is this entity's, where that is configured."""
        return id_mark(self._parts.rules[attempt.kind], attempt.identifier)

    async def _wanted(self, record: Record, binding: Binding | None, placed: Placed | None) -> WantedEntry:
        subschema = await self._parts.directory.subschema()
        if self._rules is None or self._rules[0] is not subschema:
            rules = {
                kind: replace(rule, required=frozenset(subschema.required(rule.object_classes)))
                for kind, rule in self._parts.rules.items()
            }
            self._rules = (subschema, rules)
        names = None if placed is None else names_along(placed.path, self._parts.view.organization)
        present = None if binding is None else binding.rdn
        return self._rules[1][record.kind].wanted(record, present, path_names=names)


def id_mark(rules: EntryRules, identifier: str) -> IdMark | None:
    """By what an entry says that it is this entity's, where that is configured."""
    if rules.id_attribute is None:
        return None
    return IdMark(rules.id_attribute, identifier.encode(), rules.object_classes)


def _gone(state: State, cause: Cause) -> Verdict:
    """What the state is when its entry is gone."""
    match cause:
        case Cause.DELETED:
            unknown = state.record is None and state.binding is None
            return Verdict(Status.APPLIED, "never_known" if unknown else None)
        case Cause.OUTSIDE:
            return Verdict(Status.OUT_OF_SCOPE)
        case Cause.DISABLED:
            return Verdict(Status.APPLIED, "disabled")


def _is_placed(before: Binding | None, after: Binding, changes: Sequence[Change]) -> bool:
    """Whether an entry came to a place, or was found at one, where it was not known to stand."""
    return before is None or before.dn != after.dn or any(isinstance(change, Add | Move) for change in changes)


def _standing_aside(attempt: Attempt) -> Verdict | None:
    """Whoever took a temporary name goes on waiting for the one it wants."""
    if not attempt.stands_aside:
        return None
    return Verdict(Status.WAITING, attempt.state.reason, attempt.state.awaited)
