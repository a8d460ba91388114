"""Makes an entity's entry what it should be: locate, compare, write the difference (design section 5).

Many entities at once; one entity at a time. Every write may be repeated: it is the difference to what was read, and
happens only while that is still so. A reply that is lost is answered by reading again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from ldap_sink.adopting import Adopter
from ldap_sink.claims import Claims
from ldap_sink.diffing import creation, difference, difference_in_place
from ldap_sink.directory import Directory
from ldap_sink.failures import ENTRY_ALREADY_EXISTS, NOT_ALLOWED_ON_NON_LEAF, Conflict
from ldap_sink.locating import guesses, locate, locate_own, locate_told
from ldap_sink.marks import IdMark
from ldap_sink.outcomes import Anothers, Applied, Holders, ParentMissing, Removed, Waits
from ldap_sink.protocol.results import NO_SUCH_OBJECT
from schemas.dn import DN
from schemas.entries import AttributeChange, Change, Delete, FoundEntry, Modify, Move, WantedEntry
from schemas.errors import MaybeApplied, NotSent, Retryable
from schemas.events import Subject
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsTime, Binding

# Each round reads and writes once; somebody who changes the entry all the time must not keep us for ever.
MAX_ROUNDS: Final = 8

_Outcome = TypeVar("_Outcome")


@dataclass(frozen=True, slots=True)
class _Task:
    """What one call of `apply` is about.

    Attributes:
        changes: what was written so far; grows.
    """

    subject: Subject
    wanted: WantedEntry
    parent: DN
    binding: Binding | None
    changes: list[Change] = field(default_factory=list)

    @property
    def attributes(self) -> tuple[str, ...]:
        """What must be read to compare."""
        return _compared(self.wanted)

    @property
    def mark(self) -> IdMark | None:
        """By what the entry says that it belongs to the entity, where that is configured."""
        return IdMark.of(self.wanted)


class Sink:
    """Applies wanted entries.

    Everything that `Directory` raises is raised here too, but for `Conflict`.

    Args:
        clock: milliseconds; for `Binding.bound_at`.
    """

    def __init__(self, directory: Directory, holders: Holders, clock: Callable[[], int]) -> None:
        self._directory = directory
        self._claims = Claims()
        self._adopter = Adopter(directory, holders, self._claims)
        self._clock = clock

    async def apply(
        self, subject: Subject, wanted: WantedEntry, parent: DN, binding: Binding | None
    ) -> Applied | Waits:
        """Make the entry of an entity what it should be, and learn which entry it is.

        An entry that was made or adopted, also by an entity that waits, is given to no other one before `settled` is
        called.

        Args:
            subject: the entity.
            wanted: the entry, apart from where it stands.
            parent: the DN that the parent has now.
            binding: None, and one of another target, mean that no entry is known.

        Raises:
            ParentMissing: the parent is not there.
        """
        task = _Task(subject, wanted, parent, self._valid(binding))
        outcome: Applied | Waits | None = None
        try:
            outcome = await self._converge(lambda: self._round(task), task.changes)
        finally:
            if task.binding is None and (outcome is None or outcome.binding is None):
                self._claims.release(subject)
        return outcome

    def settled(self, subject: Subject) -> None:
        """Take note that the outcome of `apply` is recorded, so that `Holders` knows it; or that it never will be."""
        self._claims.release(subject)

    async def apply_in_place(self, wanted: WantedEntry, binding: Binding) -> Applied | Waits | Anothers | None:
        """Write what does not name the entry, wherever the entry is; None when it is nowhere.

        For an entity that waits for its place.
        """
        changes: list[Change] = []
        valid = self._valid(binding)
        if valid is None:
            return None

        async def once() -> Applied | Anothers | None:
            places, mark = guesses(valid, None), IdMark.of(wanted)
            found = await locate_told(self._directory, valid, places, _compared(wanted), mark)
            if not isinstance(found, FoundEntry):
                return None if found is None else Anothers(tuple(changes))
            subschema = await self._directory.subschema()
            found = await self._modify(found, difference_in_place(wanted, found, subschema), (), changes)
            return Applied(self._bound(found, valid), tuple(changes))

        return await self._converge(once, changes)

    async def find_by_id(self, mark: IdMark) -> Binding | Waits | None:
        """Find the entry that carries an id, for a deletion of which nothing else is known; None when there is none."""
        found = await self._adopter.find_by_id(mark, ())
        return self._bound(found, None) if isinstance(found, FoundEntry) else found

    async def remove(
        self, binding: Binding | None, parent: DN | None = None, mark: IdMark | None = None
    ) -> Removed | Waits:
        """Delete a bound entry; what is not there is done.

        Args:
            binding: None, and one of another target, mean that there is nothing to delete.
            parent: the DN that the parent has now, if it is known.
            mark: where an id attribute is configured: an entry that carries another id is not ours to delete.
        """
        changes: list[Change] = []
        valid = self._valid(binding)
        if valid is None:
            return Removed()

        async def once() -> Removed | Waits:
            found = await locate_own(self._directory, valid, guesses(valid, parent), (), mark)
            if found is None:
                return Removed(tuple(changes))
            change = Delete(found.dn)
            try:
                await _noting(change, changes, self._directory.delete(change, found))
            except Conflict as exc:
                if exc.code == NOT_ALLOWED_ON_NON_LEAF:
                    return Waits("children", AwaitsChildren())
                raise
            return Removed(tuple(changes))

        return await self._converge(once, changes)

    async def children(self, binding: Binding) -> list[str]:
        """The entryUUIDs of all entries right below a bound one."""
        valid = self._valid(binding)
        found = None if valid is None else await locate(self._directory, valid, guesses(valid, None), ())
        children = [] if found is None else await self._directory.children(found.dn)
        return [child.entry_uuid for child in children]

    async def present_dn(self, binding: Binding, hint: DN) -> DN | None:
        """The DN that a bound entry has now, `hint` or another; None when it is gone."""
        valid = self._valid(binding)
        if valid is None:
            return None
        found = await locate(self._directory, valid, [hint, *guesses(valid, None)], ())
        return None if found is None else found.dn

    def _valid(self, binding: Binding | None) -> Binding | None:
        return binding if binding is not None and binding.target.lower() == self._directory.target else None

    async def _converge(self, once: Callable[[], Awaitable[_Outcome]], changes: list[Change]) -> _Outcome | Waits:
        """Read again after a conflict and after a lost reply."""
        last: Conflict | Retryable | None = None
        for _ in range(MAX_ROUNDS):
            try:
                return await once()
            except (Conflict, NotSent, MaybeApplied) as exc:
                last = exc
        if isinstance(last, Retryable):
            raise last
        return Waits("not_converging", AwaitsTime(), tuple(changes))

    async def _round(self, task: _Task) -> Applied | Waits:
        wanted_dn = task.parent.child(task.wanted.rdn)
        found = None
        if task.binding is not None:
            # The wanted DN too: a crash may have come between our ModifyDN and its record.
            places = [*guesses(task.binding, task.parent), wanted_dn]
            found = await locate_own(self._directory, task.binding, places, task.attributes, task.mark)
        if found is not None:
            return await self._correct(task, found, task.binding)
        match await self._adopter.find(task.mark, task.subject, task.wanted, wanted_dn, task.attributes):
            case None:
                return await self._create(task, wanted_dn)
            case Waits() as waits:
                return replace(waits, changes=tuple(task.changes))
            case adopted:
                return await self._correct(task, adopted, None)

    async def _create(self, task: _Task, dn: DN) -> Applied | Waits:
        change = creation(task.wanted, dn, await self._directory.subschema())
        try:
            found = await _noting(change, task.changes, self._directory.add(change))
        except Conflict as exc:
            if exc.code == NO_SUCH_OBJECT:
                raise ParentMissing(exc.matched_dn) from exc
            raise
        other = self._claims.claim(found.entry_uuid, task.subject)
        if other is not None:  # somebody read it before the reply to the Add was here
            awaited = AwaitsEntity.of(other, task.subject[0])
            return Waits("dn_occupied", awaited, tuple(task.changes), occupied=found.dn)
        return Applied(self._bound(found, None), tuple(task.changes))

    async def _correct(self, task: _Task, found: FoundEntry, binding: Binding | None) -> Applied | Waits:
        subschema = await self._directory.subschema()
        wanted = task.wanted
        found = await self._modify(found, difference(wanted, found, subschema).before, task.attributes, task.changes)
        rdn = difference(wanted, found, subschema).rdn
        superior = None if found.dn.parent.matches(task.parent) else task.parent
        if rdn is not None or superior is not None:
            move = Move(found.dn, wanted.rdn, superior, delete_old_rdn=rdn is not None and rdn.delete_old_rdn)
            if found.dn.is_below(move.new_dn):
                # The server would say unwillingToPerform, which may mean anything.
                taken = Conflict(ENTRY_ALREADY_EXISTS, "", f"the entry stands below {move.new_dn}")
                return await self._hindered(task, found, binding, move, taken)
            try:
                found = await _noting(move, task.changes, self._directory.move(move, found, task.attributes))
            except Conflict as exc:
                return await self._hindered(task, found, binding, move, exc)
        # What the ModifyDN made of the values is in its reply: no need to foresee it.
        found = await self._modify(found, difference(wanted, found, subschema).changes, (), task.changes)
        return Applied(self._bound(found, binding), tuple(task.changes))

    async def _hindered(
        self, task: _Task, found: FoundEntry, binding: Binding | None, move: Move, conflict: Conflict
    ) -> Waits:
        """Find out why an entry could not be moved; if its place is taken, write the rest where it is.

        An adopted entry is bound from now on: two that have each other's place can only make room as known ones.
        """
        directory = self._directory
        if conflict.code == NO_SUCH_OBJECT and move.new_superior and await directory.read(move.new_superior) is None:
            raise ParentMissing(conflict.matched_dn) from conflict
        occupant = None
        if conflict.code == ENTRY_ALREADY_EXISTS:
            asked = () if task.mark is None else ("objectClass", task.mark.attribute)
            occupant = await directory.read(move.new_dn, asked)
        if occupant is None or occupant.entry_uuid == found.entry_uuid:
            raise conflict
        rest = difference_in_place(task.wanted, found, await directory.subschema())
        found = await self._modify(found, rest, (), task.changes)
        waits = await self._adopter.occupied_by(task.mark, task.subject, occupant)
        adopted = self._bound(found, None) if binding is None else None
        return replace(waits, changes=tuple(task.changes), binding=adopted)

    async def _modify(
        self,
        found: FoundEntry,
        attribute_changes: tuple[AttributeChange, ...],
        attributes: tuple[str, ...],
        changes: list[Change],
    ) -> FoundEntry:
        """Write attribute changes, if there are any; returns the entry as it is then."""
        if not attribute_changes:
            return found
        change = Modify(found.dn, attribute_changes)
        return await _noting(change, changes, self._directory.modify(change, found, attributes))

    def _bound(self, found: FoundEntry, binding: Binding | None) -> Binding:
        bound_at = self._clock() if binding is None else binding.bound_at
        return Binding(found.entry_uuid, str(found.dn), self._directory.target, bound_at)


async def _noting(change: Change, changes: list[Change], write: Awaitable[_Outcome]) -> _Outcome:
    """Note a change that was made, and one that may have been: the next round does not see it any more."""
    try:
        outcome = await write
    except MaybeApplied:
        _note(change, changes)
        raise
    _note(change, changes)
    return outcome


def _note(change: Change, changes: list[Change]) -> None:
    if change not in changes:
        changes.append(change)


def _compared(wanted: WantedEntry) -> tuple[str, ...]:
    return ("objectClass", *wanted.attributes)
