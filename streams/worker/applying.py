"""One state to its entry: place, map, apply (design section 4, steps 3 to 5)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.failures import Judged
from ldap_sink.outcomes import Applied, ParentMissing, Removed, Waits
from ldap_sink.probing import Prober
from ldap_sink.sink import Sink
from ldap_sink.subschema import Subschema
from processors.placement import Outside, Placed, Unplaced, is_source_or_root, place
from processors.wanted import EntryRules
from schemas.entries import Change
from schemas.errors import Retryable
from schemas.events import Kind, Record, RedriveReason
from schemas.states import Awaited, AwaitsOrganization, AwaitsTime, Binding, State, Status
from streams.worker.parents import Parents, ParentVanished
from streams.worker.redriving import Redriver
from streams.worker.state_view import StateView

_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a state.

    Attributes:
        changes: what was written to the directory.
        removed: the entry was deleted by this.
    """

    status: Status
    reason: str | None = None
    awaited: Awaited | None = None
    binding: Binding | None = None
    changes: tuple[Change, ...] = ()
    removed: bool = False


class Applier:
    """Makes the directory what the states say.

    Args:
        rules: of both kinds; what the classes demand is added from the server's schema.
    """

    def __init__(
        self,
        directory: Directory,
        sink: Sink,
        view: StateView,
        redriver: Redriver,
        rules: Mapping[Kind, EntryRules],
        source_node: str,
    ) -> None:
        self._directory = directory
        self._sink = sink
        self._view = view
        self._redriver = redriver
        self._source_node = source_node
        self._parents = Parents(sink, view, directory.settings.target_dn)
        self._prober = Prober(directory)
        self._configured = rules
        self._rules: tuple[Subschema, Mapping[Kind, EntryRules]] | None = None

    async def apply(self, kind: Kind, identifier: str, state: State) -> Verdict:
        """Do what the state asks for.

        Raises:
            Retryable, Permanent, Halting: as the directory says.
        """
        try:
            return await self._apply(kind, identifier, state)
        except Judged as exc:
            raise await self._prober.judge(exc) from exc

    async def _apply(self, kind: Kind, identifier: str, state: State) -> Verdict:
        if kind is Kind.ORGANIZATION and is_source_or_root(identifier, self._source_node):
            return Verdict(Status.APPLIED, "root")
        if state.deleted_at is not None:
            return await self._delete(identifier, state)
        record = state.record
        if record is None or not state.whole:
            return Verdict(Status.WAITING, "no_record", binding=state.binding)
        match place(record, self._view.organization, self._source_node):
            case Placed() as placed:
                return await self._put(identifier, record, state.binding, placed)
            case Unplaced() as unplaced:
                return await self._wait(record, state.binding, unplaced)
            case Outside():
                return await self._withdraw(identifier, state.binding)

    async def _put(self, identifier: str, record: Record, binding: Binding | None, placed: Placed) -> Verdict:
        wanted = (await self._current_rules())[record.kind].wanted(record)
        changes: tuple[Change, ...] = ()
        for _ in range(_ROUNDS):
            route = self._parents.route(placed.path)
            try:
                parent = await self._parents.resolve(placed.path)
                outcome = await self._sink.apply(identifier, wanted, parent, binding)
            except ParentMissing:
                self._parents.forget(placed.path)
                continue
            except ParentVanished as exc:
                return self._await_vanished(exc.organization_id, binding, changes)
            changes += outcome.changes
            match outcome:
                case Waits(reason, awaited, _):
                    return Verdict(Status.WAITING, reason, awaited, binding, changes)
                case Applied(found, _):
                    binding = found
            again = place(record, self._view.organization, self._source_node)
            if again == placed and self._parents.route(placed.path) == route:
                return Verdict(Status.APPLIED, None, None, binding, changes)
            # The tree changed meanwhile: another organization may have the old DN by now.
            if not isinstance(again, Placed):
                return Verdict(Status.WAITING, "organization_moving", AwaitsTime(), binding, changes)
            placed = again
        raise Retryable("parent_missing", "the parent's entry is moved or removed again and again")

    def _await_vanished(self, organization_id: str, binding: Binding | None, changes: tuple[Change, ...]) -> Verdict:
        """The organization's owner shall make its entry again; we wait for it."""
        seen = self._view.organization(organization_id)
        if seen is not None:
            self._redriver.ask(seen.kind, seen.id, seen.partition, seen.revision, RedriveReason.CORRECT)
        awaited = AwaitsOrganization(organization_id)
        return Verdict(Status.WAITING, "organization_vanished", awaited, binding, changes)

    async def _wait(self, record: Record, binding: Binding | None, unplaced: Unplaced) -> Verdict:
        """Its place is not known yet; an entry that it has already is kept up to date where it is."""
        changes: tuple[Change, ...] = ()
        if binding is not None:
            wanted = (await self._current_rules())[record.kind].wanted(record)
            outcome = await self._sink.apply_in_place(wanted, binding)
            if outcome is not None:
                changes = outcome.changes
            if isinstance(outcome, Applied):
                binding = outcome.binding
        awaited = None if unplaced.organization_id is None else AwaitsOrganization(unplaced.organization_id)
        return Verdict(Status.WAITING, unplaced.reason, awaited, binding, changes)

    async def _delete(self, identifier: str, state: State) -> Verdict:
        verdict = await self._remove(identifier, state.binding)
        if state.record is None and state.binding is None:
            return replace(verdict, reason="never_known")
        return verdict

    async def _withdraw(self, identifier: str, binding: Binding | None) -> Verdict:
        verdict = await self._remove(identifier, binding)
        return replace(verdict, status=Status.OUT_OF_SCOPE) if verdict.status is Status.APPLIED else verdict

    async def _remove(self, identifier: str, binding: Binding | None) -> Verdict:
        match await self._sink.remove(binding):
            case Removed(changes):
                return Verdict(Status.APPLIED, changes=changes, removed=bool(changes))
            case Waits("children", _, changes) if self._view.is_empty_below(identifier):
                # All that is ours is gone from below it: what is left is somebody else's.
                return Verdict(Status.WAITING, "foreign_children", AwaitsTime(), binding, changes)
            case Waits(reason, awaited, changes):
                return Verdict(Status.WAITING, reason, awaited, binding, changes)

    async def _current_rules(self) -> Mapping[Kind, EntryRules]:
        subschema = await self._directory.subschema()
        if self._rules is None or self._rules[0] is not subschema:
            rules = {
                kind: replace(rule, required=frozenset(subschema.required(rule.object_classes)))
                for kind, rule in self._configured.items()
            }
            self._rules = (subschema, rules)
        return self._rules[1]
