"""Looks at an entity's entry and says what would be written; writes nothing and claims nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from ldap_sink.diffing import difference, difference_in_place, distinct, has_classes
from ldap_sink.directory import Directory
from ldap_sink.locating import guesses, locate
from ldap_sink.protocol.filters import any_of, both, equality
from ldap_sink.subschema import Subschema
from schemas.dn import DN
from schemas.entries import Add, Change, Delete, FoundEntry, Modify, Move, WantedEntry
from schemas.states import Binding


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found.

    Attributes:
        found: the entry that is the entity's, or may become it.
        found_by: `binding`, `id_attribute`, `identifier` or `dn`.
        ambiguous: several entries have the entity's id or identifier: none of them is taken.
        foreign: what has the wanted DN lacks the object classes: it is not taken.
        changes: what makes the entry the wanted one; nobody else's claims are looked at.
    """

    found: FoundEntry | None = None
    found_by: str | None = None
    ambiguous: bool = False
    foreign: bool = False
    changes: tuple[Change, ...] = ()


async def inspect(
    directory: Directory, wanted: WantedEntry | None, parent: DN | None, binding: Binding | None
) -> Inspection:
    """Find an entity's entry and compare.

    Args:
        directory: is only read.
        wanted: None when there shall be no entry.
        parent: where it should stand; None when that is not known.
        binding: None, and one of another target, mean that no entry is known.

    Raises:
        Retryable, Halting, Permanent, Judged: as `Directory`.
    """
    attributes = () if wanted is None else ("objectClass", *wanted.attributes)
    if binding is not None and binding.target.lower() == directory.target:
        found = await locate(directory, binding, guesses(binding, parent), attributes)
        if found is not None:
            return await _compared(directory, wanted, parent, found, "binding")
    if wanted is None:
        return Inspection()
    for found_by, filter_ in _filters(wanted):
        hits = await directory.find(filter_, attributes)
        if len(hits) > 1:
            return Inspection(ambiguous=True, found_by=found_by)
        if hits:
            return await _compared(directory, wanted, parent, hits[0], found_by)
    if parent is None:
        return Inspection()
    found = await directory.read(parent.child(wanted.rdn), attributes)
    if found is not None and not has_classes(wanted.object_classes, found, await directory.subschema()):
        return Inspection(found, "dn", foreign=True)
    if found is not None:
        return await _compared(directory, wanted, parent, found, "dn")
    return Inspection(changes=(_creation(wanted, parent, await directory.subschema()),))


def _filters(wanted: WantedEntry) -> Iterator[tuple[str, str]]:
    if wanted.id_attribute is not None:
        # Its entry by its own word, whatever else it is.
        yield "id_attribute", _any_value(wanted, wanted.id_attribute)
    if wanted.identifier is not None and wanted.attributes.get(wanted.identifier):
        classes = (equality("objectClass", name) for name in wanted.object_classes)
        yield "identifier", both(_any_value(wanted, wanted.identifier), *classes)


def _any_value(wanted: WantedEntry, attribute: str) -> str:
    return any_of(*(equality(attribute, value) for value in wanted.attributes[attribute]))


def _creation(wanted: WantedEntry, parent: DN, subschema: Subschema) -> Add:
    values = {
        name: distinct(name, values, subschema)
        for name, values in {**wanted.on_create, **wanted.attributes}.items()
        if values
    }
    classes = tuple(name.encode() for name in wanted.object_classes)
    return Add(parent.child(wanted.rdn), {"objectClass": classes, **values})


async def _compared(
    directory: Directory, wanted: WantedEntry | None, parent: DN | None, found: FoundEntry, found_by: str
) -> Inspection:
    if wanted is None:
        return Inspection(found, found_by, changes=(Delete(found.dn),))
    changes = tuple(_changes(wanted, parent, found, await directory.subschema()))
    return Inspection(found, found_by, changes=changes)


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
