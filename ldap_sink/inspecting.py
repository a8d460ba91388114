"""Looks at an entity's entry and says what would be written; writes nothing and takes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from ldap_sink.adopting import Adopter, Ambiguous, Candidate
from ldap_sink.claims import Claims
from ldap_sink.diffing import creation, difference, difference_in_place
from ldap_sink.directory import Directory
from ldap_sink.locating import guesses, locate_own
from ldap_sink.marks import IdMark
from ldap_sink.outcomes import Holders, Waits
from ldap_sink.subschema import Subschema
from schemas.dn import DN
from schemas.entries import Change, Delete, FoundEntry, Modify, Move, WantedEntry
from schemas.events import Subject
from schemas.states import AwaitsEntity, Binding


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        found: the entry that is the entity's, or may become it.
        found_by: `binding`, `id_attribute`, `identifier` or `dn`.
        ambiguous: several entries have the entity's id or identifier: none of them is taken.
        foreign: the found entry lacks object classes, or has another identifier: it is not taken.
        holder: the entity to which the found entry belongs: it is not taken.
        occupied: why the found entry cannot come to the wanted DN.
        changes: what makes the entry the wanted one, as far as possible.
    """

    found: FoundEntry | None = None
    found_by: str | None = None
    ambiguous: bool = False
    foreign: bool = False
    holder: Subject | None = None
    occupied: Waits | None = None
    changes: tuple[Change, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether the entity cannot have the wanted entry."""
        return self.ambiguous or self.foreign or self.holder is not None or self.occupied is not None

    def is_taken(self, dn: DN) -> bool:
        """Whether the entry of another entity has the wanted DN."""
        if self.occupied is not None:
            return self.occupied.reason == "dn_occupied"
        return self.holder is not None and self.found is not None and self.found.dn.matches(dn)


@dataclass(frozen=True, slots=True)
class Inspector:
    """Looks with the eyes of the sink.

    Attributes:
        directory: is only read.
    """

    directory: Directory
    holders: Holders

    async def inspect(
        self, subject: Subject, wanted: WantedEntry | None, parent: DN | None, binding: Binding | None
    ) -> Inspection:
        """Find an entity's entry and compare.

        Args:
            subject: the entity.
            wanted: None when there shall be no entry.
            parent: where it should stand; None when that is not known.
            binding: None, and one of another target, mean that no entry is known.

        Raises:
            Retryable, Halting, Permanent, Judged, Conflict: as `Directory`.
        """
        mark = None if wanted is None else IdMark.of(wanted)
        attributes = () if wanted is None else ("objectClass", *wanted.attributes)
        if binding is not None and binding.target.lower() == self.directory.target:
            found = await locate_own(self.directory, binding, guesses(binding, parent), attributes, mark)
            if found is not None and wanted is None:
                return Inspection(found, "binding", changes=(Delete(found.dn),))
            if found is not None and wanted is not None:
                return await self._compared(subject, wanted, parent, Candidate(found, "binding"))
        if wanted is None:
            return Inspection()
        dn = None if parent is None else parent.child(wanted.rdn)
        match await self._adopter.candidate(mark, subject, wanted, dn, attributes):
            case Ambiguous(found_by):
                return Inspection(found_by=found_by, ambiguous=True)
            case Candidate() as candidate:
                return await self._adopted(mark, subject, wanted, parent, candidate)
            case None:
                subschema = await self.directory.subschema()
                return Inspection(changes=() if dn is None else (creation(wanted, dn, subschema),))

    @property
    def _adopter(self) -> Adopter:
        # With claims of its own, which nobody else sees.
        return Adopter(self.directory, self.holders, Claims())

    async def _adopted(
        self, mark: IdMark | None, subject: Subject, wanted: WantedEntry, parent: DN | None, candidate: Candidate
    ) -> Inspection:
        refusal = await self._adopter.refusal(mark, subject, wanted, candidate)
        if refusal is None:
            return await self._compared(subject, wanted, parent, candidate)
        awaited = refusal.awaited
        holder = awaited.subject(subject[0]) if isinstance(awaited, AwaitsEntity) else None
        return Inspection(candidate.found, candidate.found_by, foreign=holder is None, holder=holder)

    async def _compared(
        self, subject: Subject, wanted: WantedEntry, parent: DN | None, candidate: Candidate
    ) -> Inspection:
        found, found_by = candidate.found, candidate.found_by
        changes = tuple(_changes(wanted, parent, found, await self.directory.subschema()))
        moved = next((change.new_dn for change in changes if isinstance(change, Move)), found.dn)
        mark = IdMark.of(wanted)
        occupant = None
        if moved != found.dn:
            occupant = await self.directory.read(moved, () if mark is None else ("objectClass", mark.attribute))
        if occupant is None or occupant.entry_uuid == found.entry_uuid:
            return Inspection(found, found_by, changes=changes)
        occupied = await self._adopter.occupied_by(mark, subject, occupant)
        in_place = tuple(_changes(wanted, None, found, await self.directory.subschema()))
        return Inspection(found, found_by, occupied=occupied, changes=in_place)


def _changes(wanted: WantedEntry, parent: DN | None, found: FoundEntry, subschema: Subschema) -> Iterator[Change]:
    if parent is None:
        in_place = difference_in_place(wanted, found, subschema)
        if in_place:
            yield Modify(found.dn, in_place)
        return
    needed = difference(wanted, found, subschema)
    dn = found.dn
    if needed.before:
        yield Modify(dn, needed.before)
    superior = None if dn.parent.matches(parent) else parent
    if needed.rdn is not None or superior is not None:
        delete_old = needed.rdn is not None and needed.rdn.delete_old_rdn
        move = Move(dn, wanted.rdn, superior, delete_old_rdn=delete_old)
        yield move
        dn = move.new_dn
    if needed.changes:
        yield Modify(dn, needed.changes)
