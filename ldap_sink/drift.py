"""How found entries differ from the wanted ones: what the sink would write, told by names of attributes alone. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from ldap_sink.diffing import difference, difference_in_place
from ldap_sink.locking import LOCK_ATTRIBUTE, lock_differs
from ldap_sink.marks import ids_of
from ldap_sink.subschema import OBJECT_CLASS, Subschema
from schemas.entries import AttributeChange, EntryDrift, FoundEntry, Values, WantedEntry


@dataclass(frozen=True, slots=True)
class DriftFinder:
    """Compares entries by a server's schema.

    Attributes:
        locks: disabled accounts are locked, and the entries were read with the lock's attribute.
    """

    subschema: Subschema
    locks: bool

    def whole(self, wanted: WantedEntry, found: FoundEntry) -> EntryDrift:
        """Compare the name and everything that is mapped."""
        changes = difference(wanted, found, self.subschema)
        return EntryDrift(changes.rdn is not None, self._names(wanted, (*changes.before, *changes.changes)))

    def in_place(self, wanted: WantedEntry, found: FoundEntry) -> EntryDrift:
        """Compare what does not name the entry: for one that waits for its place."""
        return EntryDrift(False, self._names(wanted, difference_in_place(wanted, found, self.subschema)))

    def lock(self, found: FoundEntry, *, enabled: bool, locked: bool) -> EntryDrift:
        """Compare an account's lock (see `lock_differs`)."""
        differs = self.locks and lock_differs(found, enabled=enabled, locked=locked)
        return EntryDrift(False, (LOCK_ATTRIBUTE,) if differs else ())

    def is_others(self, id_attribute: str | None, identifier: str, found: FoundEntry) -> bool:
        """Whether an entry says, by the attribute that is configured for it, that it belongs to another entity."""
        return any(value != identifier.encode() for value in self.ids(id_attribute, found))

    def ids(self, id_attribute: str | None, found: FoundEntry) -> Values:
        """The ids that an entry carries; none where no attribute is configured for them."""
        return () if id_attribute is None else ids_of(id_attribute, found, self.subschema)

    def has_classes(self, object_classes: Iterable[str], found: FoundEntry) -> bool:
        """Whether an entry belongs to all the object classes, by itself or by inheritance."""
        values = found.attributes.get(OBJECT_CLASS, ())
        present = self.subschema.classes(value.decode(errors="replace") for value in values)
        return self.subschema.classes(object_classes) <= present

    def _names(self, wanted: WantedEntry, changes: Iterable[AttributeChange]) -> tuple[str, ...]:
        spelled = {self.subschema.key(name): name for name in wanted.attributes}
        return tuple(sorted({spelled.get(self.subschema.key(one.name), one.name) for one in changes}))
