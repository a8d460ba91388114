"""Entries of whom the source has deleted: they are there again, perhaps from a backup, and are nobody's."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from processors.comparing import Comparer
from schemas.dn import PreparedRDN
from schemas.entries import FoundEntry, Values, WantedEntry
from schemas.errors import Permanent
from schemas.events import Kind
from schemas.jobs import DELETED_AT_SOURCE, EntryState
from streams.snapshot import Stored
from streams.verification.findings import MAX_DIFFERENCES, Findings
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick

_DISCARDED: Final = "discarded"  # the reason of a state whose entry a person wanted to stay
_ADOPTERS: Final = (EntryState.MISSING, EntryState.WAITING)  # who has no entry may take one that it could have made


_Key: TypeAlias = tuple[PreparedRDN, frozenset[bytes]]


@dataclass(frozen=True, slots=True)
class _Stranger:
    """An entry of nobody.

    Attributes:
        owner: the number of the entity whose id it carries.
        identifier: its values of the attribute by which entries are found, as the server compares them.
    """

    kind: Kind
    entry_uuid: str
    owner: int | None
    name: PreparedRDN
    identifier: frozenset[bytes]


class Returned:
    """Tells of entries that belong to nobody whose they were, if their states are still kept.

    Args:
        snapshot: the states.
        yardstick: by what entries are compared.
        comparer: works out what they would be.
        findings: are told.
    """

    def __init__(self, snapshot: Snapshot, yardstick: Yardstick, comparer: Comparer, findings: Findings) -> None:
        self._snapshot = snapshot
        self._yardstick = yardstick
        self._comparer = comparer
        self._findings = findings
        self._strangers: list[_Stranger] = []

    def note(self, kind: Kind, found: FoundEntry) -> None:
        """Take an entry of nobody, as long as a report has room for it."""
        if len(self._strangers) == MAX_DIFFERENCES:
            return
        rules, drifts = self._yardstick.rules[kind], self._yardstick.drifts
        ids = drifts.ids(rules.id_attribute, found)
        owner = self._snapshot.number(kind, ids[0].decode(errors="replace")) if ids else None
        if ids and (owner is None or not self._snapshot.is_deleted(owner)):
            return
        identifier = self._prepared(kind, drifts.ids(rules.mapping.identifier, found))
        self._strangers.append(_Stranger(kind, found.entry_uuid, owner, found.dn.rdn.prepared(), identifier))

    def tell(self) -> None:
        """Say of each of them that the source has deleted it, and under which id."""
        for stranger in self._strangers:
            stored = None if stranger.owner is None else self._deleted(stranger.owner)
            if stored is not None:
                self._tell(stranger, stored.id)
        for kind in Kind:
            self._tell_by_name(kind)

    def _tell_by_name(self, kind: Kind) -> None:
        """Those that carry no id, and that a deleted entity would have made: of its name and its identifier."""
        nobodys = [one for one in self._strangers if one.owner is None and one.kind is kind]
        if not nobodys:
            return
        deleted = {key: stored.id for number in self._snapshot.deleted(kind) for key, stored in self._named(number)}
        found = [one for one in nobodys if (one.name, one.identifier) in deleted]
        if found:
            adopters = [self._wanted(number) for number in self._findings.numbers(kind, _ADOPTERS)]
            taken = {wanted.rdn.prepared() for wanted in adopters if wanted is not None}
            for stranger in found:
                if stranger.name not in taken:
                    self._tell(stranger, deleted[stranger.name, stranger.identifier])

    def _named(self, number: int) -> Iterator[tuple[_Key, Stored]]:
        """By what an entry of a deleted entity is known, if it has a name."""
        stored, wanted = self._deleted(number), self._wanted(number)
        if stored is not None and wanted is not None:
            values = wanted.attributes.get(wanted.identifier or "", ())
            yield (wanted.rdn.prepared(), self._prepared(stored.kind, values)), stored

    def _deleted(self, number: int) -> Stored | None:
        stored = self._snapshot.get(number)
        return None if stored is None or stored.state.reason == _DISCARDED else stored

    def _wanted(self, number: int) -> WantedEntry | None:
        stored = self._snapshot.get(number)
        record = None if stored is None else stored.state.record
        try:
            return None if record is None else self._comparer.wanted(record, None, None)
        except Permanent:
            return None

    def _prepared(self, kind: Kind, values: Values) -> frozenset[bytes]:
        attribute = self._yardstick.rules[kind].mapping.identifier
        subschema = self._yardstick.drifts.subschema
        return frozenset(() if attribute is None else (subschema.prepared(attribute, value) for value in values))

    def _tell(self, stranger: _Stranger, identifier: str) -> None:
        self._findings.change_stranger(stranger.entry_uuid, EntryState.UNMANAGED, identifier, DELETED_AT_SOURCE)
