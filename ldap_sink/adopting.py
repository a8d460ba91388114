"""Finds the entry of an entity that is bound to none, and says whether it may be taken (design section 5, points 1, 2).

By the id that the entry itself carries, where that is configured; by the identifier of the mapping; by the wanted DN.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ldap_sink.claims import Claims
from ldap_sink.diffing import has_classes
from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.outcomes import Holders, IdMark, Waits
from ldap_sink.protocol.filters import any_of, both, equality
from ldap_sink.protocol.results import NO_SUCH_OBJECT
from ldap_sink.subschema import Subschema
from schemas.dn import DN
from schemas.entries import FoundEntry, Values, WantedEntry
from schemas.states import AwaitsEntity, AwaitsTime


def ids_of(mark: IdMark | None, found: FoundEntry, subschema: Subschema) -> Values:
    """The ids that an entry carries; none where no attribute is configured for them."""
    if mark is None:
        return ()
    key = subschema.key(mark.attribute)
    return next((values for name, values in found.attributes.items() if subschema.key(name) == key), ())


def owner_by_id(mark: IdMark | None, found: FoundEntry, subschema: Subschema) -> str | None:
    """The other entity that an entry says it belongs to, octet for octet; None when it says ours or nothing."""
    others = [value for value in ids_of(mark, found, subschema) if mark is not None and value != mark.value]
    return others[0].decode(errors="replace") if others else None


@dataclass(frozen=True, slots=True)
class Adopter:
    """Looks for entries that an entity may take."""

    directory: Directory
    holders: Holders
    claims: Claims

    async def find_by_id(self, mark: IdMark, attributes: Sequence[str]) -> FoundEntry | Waits | None:
        """Find the entry that carries an id; several cannot be told apart."""
        subschema = await self.directory.subschema()
        hits = await self.directory.find(equality(mark.attribute, mark.value), (mark.attribute, *attributes))
        # The server's equality rule may be wider than octets: `A1` and `a1` are two ids.
        ours = [found for found in hits if mark.value in ids_of(mark, found, subschema)]
        if not ours:
            return None
        if len(ours) > 1 or owner_by_id(mark, ours[0], subschema) is not None:
            return Waits("ambiguous_identifier", AwaitsTime())
        return ours[0]

    async def find(
        self, mark: IdMark | None, subject: str, wanted: WantedEntry, dn: DN, attributes: Sequence[str]
    ) -> FoundEntry | Waits | None:
        """Find the entry that an unbound entity shall have.

        Args:
            mark: the id that its entry carries, where that is configured.
            subject: the entity's id.
            wanted: what its entry should be.
            dn: where its entry should be.
            attributes: what must be read.

        Returns:
            An entry that is claimed for the entity; why none may be taken; or None when there is none.
        """
        if mark is not None:
            own = await self.find_by_id(mark, attributes)
            if isinstance(own, FoundEntry):
                # Ours by its own word, whatever else it is.
                return self._claimed(subject, own) or own
            if own is not None:
                return own
        values = wanted.attributes.get(wanted.identifier, ()) if wanted.identifier else ()
        if wanted.identifier and values:
            hits = await self.directory.find(_identified(wanted, wanted.identifier, values), attributes)
            if len(hits) > 1:
                hits = await self._not_of_others(subject, hits)
            if len(hits) > 1:
                return Waits("ambiguous_identifier", AwaitsTime())
            if hits:
                return await self._refusal(mark, subject, wanted, hits[0]) or hits[0]
        found = await self.directory.read(dn, attributes)
        if found is None:
            return None
        return await self._refusal(mark, subject, wanted, found) or found

    async def occupied_by(self, mark: IdMark | None, subject: str, occupant: FoundEntry) -> Waits:
        """Say for whom to wait while another entry has the wanted DN."""
        owner = owner_by_id(mark, occupant, await self.directory.subschema())
        for holder in (owner, self.claims.claimant(occupant.entry_uuid)):
            if holder is not None and holder != subject:
                return _occupied(holder, occupant)
        holder = await self.holders.holder_of(occupant.entry_uuid)
        if holder is None or holder == subject:
            await self._see_again(occupant)
            return Waits("foreign_entry", AwaitsTime())
        return _occupied(holder, occupant)

    async def _refusal(self, mark: IdMark | None, subject: str, wanted: WantedEntry, found: FoundEntry) -> Waits | None:
        """Say why an entry that does not carry our id must not be taken; None when it may, and is claimed."""
        subschema = await self.directory.subschema()
        owner = owner_by_id(mark, found, subschema)
        if owner is not None:
            return _occupied(owner, found)
        # First claimed, then asked: who comes between finds the claim, who was recorded before is in the answer.
        if refusal := self._claimed(subject, found):
            return refusal
        holder = await self.holders.holder_of(found.entry_uuid)
        if holder is not None and holder != subject:
            return _occupied(holder, found)
        if not has_classes(wanted, found, subschema):
            await self._see_again(found)
            return Waits("foreign_entry", AwaitsTime())
        return None

    async def _not_of_others(self, subject: str, hits: Sequence[FoundEntry]) -> list[FoundEntry]:
        """Leave out what belongs to others: two people may have one name, but only nobody's entries are in question."""
        holders = [await self.holders.holder_of(found.entry_uuid) for found in hits]
        free = [found for found, holder in zip(hits, holders, strict=True) if holder in {None, subject}]
        return free or list(hits[:1])

    async def _see_again(self, stranger: FoundEntry) -> None:
        """Raise Conflict if a stranger has gone: it was somebody's whose deletion was recorded after we read it."""
        again = await self.directory.read(stranger.dn)
        if again is None or again.entry_uuid != stranger.entry_uuid:
            raise Conflict(NO_SUCH_OBJECT, "", f"{stranger.dn} has gone meanwhile")

    def _claimed(self, subject: str, found: FoundEntry) -> Waits | None:
        holder = self.claims.claim(found.entry_uuid, subject)
        return None if holder is None else _occupied(holder, found)


def _occupied(holder: str, found: FoundEntry) -> Waits:
    return Waits("dn_occupied", AwaitsEntity(holder), occupied=found.dn)


def _identified(wanted: WantedEntry, attribute: str, values: Iterable[bytes]) -> str:
    """One of the values, and all the classes: an entry of another class is not one of ours."""
    return both(
        any_of(*(equality(attribute, value) for value in values)),
        *(equality("objectClass", name) for name in wanted.object_classes),
    )
