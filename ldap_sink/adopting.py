"""Finds the entry of an entity that is bound to none, and says whether it may be taken (design section 5, points 1, 2).

By the id that the entry itself carries, where that is configured; by the identifier of the mapping; by the wanted DN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ldap_sink.claims import Claims
from ldap_sink.diffing import has_classes
from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.marks import IdMark, ids_of
from ldap_sink.outcomes import Holders, Waits
from ldap_sink.protocol.filters import any_of, both, equality
from ldap_sink.protocol.results import NO_SUCH_OBJECT
from ldap_sink.subschema import Subschema
from schemas.dn import DN
from schemas.entries import FoundEntry, Values, WantedEntry
from schemas.events import Subject
from schemas.states import AwaitsEntity, AwaitsTime


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be an entity's.

    Attributes:
        found_by: `id_attribute`, `identifier` or `dn`.
    """

    found: FoundEntry
    found_by: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several entries that cannot be told apart; `found_by` as in `Candidate`."""

    found_by: str


@dataclass(frozen=True, slots=True)
class Adopter:
    """Looks for entries that an entity may take."""

    directory: Directory
    holders: Holders
    claims: Claims

    async def find_by_id(self, mark: IdMark, attributes: Sequence[str]) -> FoundEntry | Waits | None:
        """Find the entry of the mark's classes that carries its id; several cannot be told apart."""
        subschema = await self.directory.subschema()
        filter_ = _of_classes(equality(mark.attribute, mark.value), mark.object_classes)
        hits = await self.directory.find(filter_, (mark.attribute, *attributes))
        # The server's equality rule may be wider than octets: `A1` and `a1` are two ids.
        ours = [found for found in hits if mark.value in ids_of(mark.attribute, found, subschema)]
        if not ours:
            return None
        if len(ours) > 1 or mark.other_id(ours[0], subschema) is not None:
            return Waits("ambiguous_identifier", AwaitsTime())
        return ours[0]

    async def find(
        self, mark: IdMark | None, subject: Subject, wanted: WantedEntry, dn: DN, attributes: Sequence[str]
    ) -> FoundEntry | Waits | None:
        """Find the entry that an unbound entity shall have; arguments as of `candidate`.

        Returns:
            An entry that is claimed for the entity; why none may be taken; or None when there is none.
        """
        match await self.candidate(mark, subject, wanted, dn, attributes):
            case Candidate(found) as candidate:
                return await self.refusal(mark, subject, wanted, candidate) or found
            case Ambiguous():
                return Waits("ambiguous_identifier", AwaitsTime())
            case None:
                return None

    async def candidate(
        self, mark: IdMark | None, subject: Subject, wanted: WantedEntry, dn: DN | None, attributes: Sequence[str]
    ) -> Candidate | Ambiguous | None:
        """Find the entry that an unbound entity would have, whoever has it now.

        Args:
            mark: the id that its entry carries, where that is configured.
            subject: the entity.
            wanted: what its entry should be.
            dn: where its entry should be; None when that is not known.
            attributes: what must be read.
        """
        if mark is not None:
            own = await self.find_by_id(mark, attributes)
            if own is not None:
                found_by = "id_attribute"
                return Candidate(own, found_by) if isinstance(own, FoundEntry) else Ambiguous(found_by)
        hits = await self._identified(wanted, attributes)
        if len(hits) > 1:
            hits = await self._not_of_others(subject, hits)
        if hits:
            return Candidate(hits[0], "identifier") if len(hits) == 1 else Ambiguous("identifier")
        found = None if dn is None else await self.directory.read(dn, attributes)
        return None if found is None else Candidate(found, "dn")

    async def _identified(self, wanted: WantedEntry, attributes: Sequence[str]) -> list[FoundEntry]:
        """Find those that have our identifier, or else those that have it, are of our sort, and lack a class.

        The latter are not ours, but most likely a mistake in the configured classes: a second entry would be one more.
        """
        values = _identifiers(wanted)
        if wanted.identifier is None or not values:
            return []
        filter_ = any_of(*(equality(wanted.identifier, value) for value in values))
        subschema = await self.directory.subschema()
        sort = subschema.structural(wanted.object_classes) or wanted.object_classes
        hits = await self.directory.find(_of_classes(filter_, sort), attributes)
        return [found for found in hits if has_classes(wanted.object_classes, found, subschema)] or hits

    async def occupied_by(self, mark: IdMark | None, subject: Subject, occupant: FoundEntry) -> Waits:
        """Say for whom to wait while another entry has the wanted DN."""
        owner = await self._owner_by_id(mark, subject, occupant)
        for holder in (owner, self.claims.claimant(occupant.entry_uuid)):
            if holder is not None and holder != subject:
                return _occupied(holder, subject, occupant)
        holder = await self.holders.holder_of(occupant.entry_uuid)
        if holder is None or holder == subject:
            return await self._foreign(occupant)
        return _occupied(holder, subject, occupant)

    async def _owner_by_id(self, mark: IdMark | None, subject: Subject, found: FoundEntry) -> Subject | None:
        """The other entity of the subject's kind that an entry says it belongs to; None when it says no such thing."""
        subschema = await self.directory.subschema()
        if mark is None or not has_classes(mark.object_classes, found, subschema):
            return None
        other = mark.other_id(found, subschema)
        return None if other is None else (subject[0], other)

    async def refusal(
        self, mark: IdMark | None, subject: Subject, wanted: WantedEntry, candidate: Candidate
    ) -> Waits | None:
        """Say why an entry must not be taken; None when it may, and is claimed."""
        found = candidate.found
        if candidate.found_by == "id_attribute":
            return self._claimed(subject, found)  # ours by its own word, whoever is said to hold it
        owner = await self._owner_by_id(mark, subject, found)
        if owner is not None:
            return _occupied(owner, subject, found)
        # First claimed, then asked: who comes between finds the claim, who was recorded before is in the answer.
        if refusal := self._claimed(subject, found):
            return refusal
        holder = await self.holders.holder_of(found.entry_uuid)
        if holder is not None and holder != subject:
            return _occupied(holder, subject, found)
        subschema = await self.directory.subschema()
        is_ours = has_classes(wanted.object_classes, found, subschema)
        if candidate.found_by == "dn" and is_ours:
            is_ours = not _is_identified_as_another(wanted, found, subschema)
        return None if is_ours else await self._foreign(found)

    async def _not_of_others(self, subject: Subject, hits: Sequence[FoundEntry]) -> list[FoundEntry]:
        """Leave out what belongs to others: two people may have one name, but only nobody's entries are in question."""
        holders = [await self.holders.holder_of(found.entry_uuid) for found in hits]
        free = [found for found, holder in zip(hits, holders, strict=True) if holder in {None, subject}]
        return free or list(hits[:1])

    async def _foreign(self, stranger: FoundEntry) -> Waits:
        """Raise Conflict if a stranger has gone: it was somebody's whose deletion was recorded after we read it."""
        again = await self.directory.read(stranger.dn)
        if again is None or again.entry_uuid != stranger.entry_uuid:
            raise Conflict(NO_SUCH_OBJECT, "", f"{stranger.dn} has gone meanwhile")
        return Waits("foreign_entry", AwaitsTime(), stranger=stranger.entry_uuid)

    def _claimed(self, subject: Subject, found: FoundEntry) -> Waits | None:
        holder = self.claims.claim(found.entry_uuid, subject)
        return None if holder is None else _occupied(holder, subject, found)


def _occupied(holder: Subject, subject: Subject, found: FoundEntry) -> Waits:
    return Waits("dn_occupied", AwaitsEntity.of(holder, subject[0]), occupied=found.dn)


def _is_identified_as_another(wanted: WantedEntry, found: FoundEntry, subschema: Subschema) -> bool:
    """Say whether the found entry has an identifier, and it is not ours: whose it is will show."""
    if wanted.identifier is None:
        return False
    name = wanted.identifier
    theirs, ours = (
        {subschema.prepared(name, value) for value in values}
        for values in (ids_of(name, found, subschema), _identifiers(wanted))
    )
    return bool(theirs) and theirs.isdisjoint(ours)


def _identifiers(wanted: WantedEntry) -> Values:
    return () if wanted.identifier is None else wanted.attributes.get(wanted.identifier, ())


def _of_classes(filter_: str, object_classes: Iterable[str]) -> str:
    """And all the classes: an entry of another class is not one of ours."""
    return both(filter_, *(equality("objectClass", name) for name in object_classes))
