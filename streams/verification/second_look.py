"""What became of the corrections: each entity and its entry, looked at once more (design section 6, step 7)."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.locating import guesses, locate
from processors.comparing import Finding
from schemas.dn import DN
from schemas.errors import Retryable
from schemas.events import Kind
from schemas.jobs import Action, EntryState
from schemas.states import Binding, State
from streams.snapshot import Stored
from streams.verification.comparison import Comparison
from streams.verification.organizations import Organization, read_organizations
from streams.verification.yardstick import Yardstick

_STANDING: Final = frozenset({EntryState.SAME, EntryState.CHANGED})
_UNCORRECTED: Final = frozenset({EntryState.WAITING, EntryState.DEAD_LETTERED})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one correction.

    Attributes:
        action: None when nothing was to be done, or nothing could be: it was only listed, and still is.
        reason: why it failed.
        is_held: the guard of the workers holds it.
    """

    kind: Kind
    id: str
    action: Action | None = None
    reason: str | None = None
    is_held: bool = False


class SecondLook:
    """Looks at single entities; the snapshot must have been read on.

    Args:
        comparison: what was found at first.
        seconds: for each entity.
    """

    def __init__(self, comparison: Comparison, yardstick: Yardstick, directory: Directory, seconds: float) -> None:
        self._snapshot = snapshot = comparison.snapshot
        self._comparison = comparison
        self._yardstick = yardstick
        self._directory = directory
        self._seconds = seconds
        self._organizations: Mapping[str, Organization] = read_organizations(snapshot)
        self._comparer = yardstick.comparer(self._organizations)
        self._parents: dict[str, DN | None] = {}

    async def outcomes(self, numbers: Iterable[int]) -> list[Outcome]:
        """Say what became of some entities, by their numbers.

        Raises:
            LdapflowError: the directory does not answer.
        """
        outcomes = await asyncio.gather(*map(self._outcome, numbers))
        return [outcome for outcome in outcomes if outcome is not None]

    async def _outcome(self, number: int) -> Outcome | None:
        stored = self._snapshot.get(number)
        if stored is None:
            return None
        before = self._comparison.findings.state(number)
        try:
            async with asyncio.timeout(self._seconds):
                now = await self._finding(number, stored)
        except TimeoutError as exc:
            raise Retryable("directory_unavailable", str(self._directory.state.problem or "no answer")) from exc
        outcome = Outcome(stored.kind, stored.id)
        if now.state is EntryState.HELD:
            return replace(outcome, is_held=True)
        if now.state is None:
            was_there = before in {EntryState.ORPHAN, EntryState.HELD}
            return replace(outcome, action=Action.DELETED) if was_there else None
        if self._is_corrected(before, now):
            return replace(outcome, action=self._action(number, before, stored.state))
        if before in _UNCORRECTED and now.state in _UNCORRECTED:
            return None
        return replace(outcome, action=Action.FAILED, reason=now.reason or stored.state.reason or now.state.value)

    def _is_corrected(self, before: EntryState | None, now: Finding) -> bool:
        if now.state is EntryState.SAME:
            return True
        # What waits or was refused is up to date where it is; that is all that was to be corrected.
        return before is EntryState.CHANGED and now.state in _UNCORRECTED

    def _action(self, number: int, before: EntryState | None, state: State) -> Action:
        match before:
            case EntryState.MISPLACED:
                return Action.MOVED
            case EntryState.MISSING | EntryState.DUPLICATE:
                is_new = True
            case _:
                is_new = not self._comparison.has_entry(number)
        adopted = state.binding is not None and self._comparison.findings.is_stranger(state.binding.entry_uuid)
        return Action.CREATED if is_new and not adopted else Action.UPDATED

    async def _finding(self, number: int, stored: Stored) -> Finding:
        binding = self._snapshot.binding(stored.state)
        found = None
        if binding is not None:
            found = await locate(self._directory, binding, guesses(binding, None), self._yardstick.attributes)
        if found is not None and self._yardstick.is_others(stored, found):
            found = None
        if binding is not None and self._snapshot.bound_to(binding.entry_uuid)[0][0] != number:
            return Finding(EntryState.DUPLICATE)
        swept = self._comparison.is_swept(number)
        finding = self._comparer.compare(stored.kind, stored.id, stored.state, found, swept=swept)
        if found is not None and finding.state in _STANDING and finding.home is not None:
            parent = await self._parent(finding.home)
            if parent is None or not found.dn.parent.matches(parent):
                return replace(finding, state=EntryState.MISPLACED)
        return finding

    async def _parent(self, path: tuple[str, ...]) -> DN | None:
        """Where the last organization of a path stands now."""
        if not path:
            return self._yardstick.target_dn
        identifier = path[-1]
        if identifier not in self._parents:
            node = self._organizations.get(identifier)
            stored = None if node is None else self._snapshot.get(node.number)
            binding = None if stored is None else self._snapshot.binding(stored.state)
            self._parents[identifier] = None if binding is None else await self._present_dn(binding)
        return self._parents[identifier]

    async def _present_dn(self, binding: Binding) -> DN | None:
        found = await locate(self._directory, binding, guesses(binding, None), ())
        return None if found is None else found.dn
