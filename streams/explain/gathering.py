"""Gathers what is known of one entity: its state, its organizations, its dead letter, its entry."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict, Judged
from ldap_sink.inspecting import Inspection, Inspector
from ldap_sink.locating import guesses, locate
from processors.placement import Outside, Placed, Placement, is_source_or_root, names_along, place
from processors.wanted import EntryRules
from schemas.dn import DN, RDN
from schemas.errors import Halting, Permanent, Retryable
from schemas.events import ROOT_ORGANIZATION, Kind, Record, Subject
from schemas.states import State
from streams.control import view_of
from streams.dead_letter_log import DeadLetter, read_dead_letters
from streams.explain.explanation import Explanation, Step
from streams.kafka import read_to_end
from streams.retrying import kind_of
from streams.settings import DisabledAccounts, Settings
from streams.settings.directory import directory_settings
from streams.settings.entry_rules import entry_rules
from streams.snapshot import read_holders, read_states

_ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Node:
    """An organization of the tree, as `processors.placement` walks it."""

    parent_id: str | None
    is_deleted: bool
    is_bound: bool


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who is bound to which entry, by the state topics as they are now."""

    settings: Settings

    async def holder_of(self, entry_uuid: str) -> Subject | None:
        """As `ldap_sink` asks it; CommandFailed when Kafka does not answer."""
        holders = await asyncio.to_thread(read_holders, self.settings, entry_uuid)
        return next(iter(holders), None)


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What Kafka has of one id.

    Attributes:
        states: of both kinds, as far as the id has one.
        organizations: all of them.
        dead_letters: of that id, neither retried nor discarded.
        paused: a person has stopped all writing.
    """

    states: Mapping[Kind, State]
    organizations: Mapping[str, State]
    dead_letters: Mapping[Kind, DeadLetter]
    paused: bool


def read_knowledge(settings: Settings, identifier: str) -> Knowledge:
    """Read the topics.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    found = read_states(settings, lambda kind, key: kind is Kind.ORGANIZATION or key == identifier)
    decided = view_of(read_to_end(settings, [settings.topics.control]))
    letters = {
        kind: letter
        for letter in read_dead_letters(settings)
        if letter.identifier == identifier and (letter.partition, letter.offset) not in decided.handled_dead_letters
        if (kind := kind_of(letter, settings)) is not None
    }
    return Knowledge(
        {kind: found[kind, identifier].state for kind in Kind if (kind, identifier) in found},
        {key: stored.state for (kind, key), stored in found.items() if kind is Kind.ORGANIZATION},
        letters,
        decided.paused,
    )


class Explainer:
    """Explains one entity; asks the directory, and writes nothing.

    Args:
        given: a record to explain instead of the state's.
    """

    def __init__(self, settings: Settings, knowledge: Knowledge, kind: Kind, given: Record | None) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._kind = kind
        self._state = knowledge.states.get(kind)
        self._given = given
        self._target = (settings.sync.target_entry_uuid or "").lower()

    async def explain(self, identifier: str) -> Explanation:
        """Say all that is known."""
        stored = None if self._state is None else self._state.record
        record = stored if self._given is None else _with_memberships(self._given, stored)
        knowledge = self._knowledge
        letter = knowledge.dead_letters.get(self._kind)
        explanation = Explanation(
            self._kind, identifier, self._state, record, dead_letter=letter, paused=knowledge.paused
        )
        if self._kind is Kind.ORGANIZATION and is_source_or_root(identifier, self._settings.sync.source_node):
            return explanation
        if record is not None:
            placement = place(record, self._node, self._settings.sync.source_node)
            steps = tuple(self._steps(record, placement))
            explanation = replace(explanation, placement=placement, organizations=steps)
        return await self._with_entry(explanation)

    async def _with_entry(self, explanation: Explanation) -> Explanation:
        timeouts = self._settings.connection
        seconds = timeouts.connect_timeout_seconds + _ANSWER_SECONDS
        async with Directory(directory_settings(self._settings), may_write=lambda: False) as directory:
            try:
                async with asyncio.timeout(seconds):
                    subschema = await directory.subschema()
            except (TimeoutError, Retryable, Halting, Judged) as exc:
                problem = str(directory.state.problem or exc) or "it does not answer"
                return replace(self._with_wanted(explanation, frozenset()), directory_problem=problem)
            rules = entry_rules(self._settings)[self._kind]
            explanation = self._with_wanted(explanation, frozenset(subschema.required(rules.object_classes)))
            try:
                return await self._compared(explanation, directory)
            except (Retryable, Halting, Permanent, Judged, Conflict) as exc:
                return replace(explanation, directory_problem=str(exc))

    async def _compared(self, explanation: Explanation, directory: Directory) -> Explanation:
        parent, wanted = await self._parent(explanation.placement, directory), explanation.wanted
        if wanted is not None and parent is not None:
            explanation = replace(explanation, wanted_dn=parent.child(wanted.rdn))
        if explanation.wanted_problem is not None:
            found = await self._bound_entry(directory)
            return replace(explanation, inspection=found)
        binding = None if self._state is None else self._state.binding
        inspector = Inspector(directory, _Holders(self._settings))
        subject = (explanation.kind, explanation.id)
        inspection = await inspector.inspect(subject, wanted, parent, binding)
        explanation = replace(explanation, inspection=inspection)
        if wanted is None or parent is None or not inspection.is_taken(parent.child(wanted.rdn)):
            return explanation
        try:
            qualified = entry_rules(self._settings)[self._kind].qualified(wanted)
        except Permanent as exc:
            return replace(explanation, wanted_problem=str(exc))
        other = None if qualified is None else await inspector.inspect(subject, qualified, parent, binding)
        if qualified is None or other is None or other.is_refused:
            return explanation
        return replace(explanation, wanted=qualified, wanted_dn=parent.child(qualified.rdn), inspection=other)

    async def _bound_entry(self, directory: Directory) -> Inspection:
        """What there is, where it cannot be said what there should be."""
        binding = None if self._state is None else self._state.binding
        if binding is None or binding.target.lower() != self._target:
            return Inspection()
        found = await locate(directory, binding, guesses(binding, None), ())
        return Inspection(found, None if found is None else "binding")

    async def _parent(self, placement: Placement | None, directory: Directory) -> DN | None:
        if not isinstance(placement, Placed):
            return None
        if placement.parent_id is None:
            return self._settings.sync.target_dn
        state = self._knowledge.organizations[placement.parent_id]
        if state.binding is None:
            return None
        found = await locate(directory, state.binding, guesses(state.binding, None), ())
        return None if found is None else found.dn

    def _with_wanted(self, explanation: Explanation, required: frozenset[str]) -> Explanation:
        record = explanation.record
        if record is None or not self._shall_exist(record, explanation.placement):
            return explanation
        rules: EntryRules = replace(entry_rules(self._settings)[self._kind], required=required)
        reasons = {row.attribute: row.reason for row in rules.mapping.rows}
        if rules.id_attribute is not None:
            reasons[rules.id_attribute] = "the id"
        try:
            wanted = rules.wanted(record, self._present(), path_names=self._path_names(explanation.placement))
            return replace(explanation, wanted=wanted, value_reasons=reasons)
        except Permanent as exc:
            return replace(explanation, wanted_problem=str(exc))

    def _present(self) -> RDN | None:
        """The name of its entry, as the worker knows it."""
        binding = None if self._state is None else self._state.binding
        return None if binding is None else binding.rdn

    def _path_names(self, placement: Placement | None) -> tuple[str | None, ...] | None:
        """What the worker hands to the mapping: the names on the way, where the place is known."""
        if not isinstance(placement, Placed):
            return None
        return names_along(placement.path, lambda step: self._knowledge.organizations[step].record)

    def _shall_exist(self, record: Record, placement: Placement | None) -> bool:
        if isinstance(placement, Outside):
            return False
        if not record.enabled and self._settings.sync.disabled_accounts is DisabledAccounts.REMOVE:
            return False
        return self._given is not None or (
            self._state is not None and self._state.whole and self._state.deleted_at is None
        )

    def _node(self, identifier: str) -> _Node | None:
        state = self._knowledge.organizations.get(identifier)
        if state is None:
            return None
        parent = None if state.record is None else state.record.parent_id
        is_bound = state.binding is not None and state.binding.target.lower() == self._target
        return _Node(parent, state.deleted_at is not None, is_bound)

    def _steps(self, record: Record, placement: Placement) -> Iterator[Step]:
        """The organizations on the way, from the top down."""
        yield from reversed(list(self._upwards(_first_organization(record, placement))))

    def _upwards(self, first: str | None) -> Iterator[Step]:
        visited: set[str] = set()
        current = first
        while current is not None and current not in visited and current != ROOT_ORGANIZATION:
            visited.add(current)
            state = self._knowledge.organizations.get(current)
            record = None if state is None else state.record
            yield Step(
                current,
                None if record is None else record.name,
                None if state is None else state.status,
                state is not None and state.deleted_at is not None,
            )
            if current == self._settings.sync.source_node:
                return
            current = None if record is None else record.parent_id


def _first_organization(record: Record, placement: Placement) -> str | None:
    if record.kind is Kind.ORGANIZATION:
        return record.parent_id
    if isinstance(placement, Placed) and placement.parent_id is not None:
        return placement.parent_id
    memberships = record.memberships or ()
    primary = record.primary_id or next((m.organization_id for m in memberships if m.primary), None)
    return primary or next((m.organization_id for m in memberships), None)


def _with_memberships(given: Record, stored: Record | None) -> Record:
    """A record that does not speak of memberships leaves them as they are."""
    if given.memberships is not None or stored is None:
        return given
    return replace(given, memberships=stored.memberships)
