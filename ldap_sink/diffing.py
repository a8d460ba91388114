"""The difference between an entry as it should be and as it was found (design section 5). Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ldap_sink.subschema import OBJECT_CLASS, Subschema
from schemas.dn import DN, RDN
from schemas.entries import Add, AttributeChange, FoundEntry, ModifyOperation, Values, WantedEntry

_Naming: TypeAlias = frozenset[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class RdnChange:
    """What a ModifyDN must make of the entry's own name."""

    new_rdn: RDN
    delete_old_rdn: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes the found entry the wanted one, in this order.

    Attributes:
        before: a Modify that must come before the ModifyDN; nearly always empty.
        rdn: None when the name is right; where the parent is, is not asked here.
        changes: the Modify that follows.
    """

    before: tuple[AttributeChange, ...] = ()
    rdn: RdnChange | None = None
    changes: tuple[AttributeChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.before or self.rdn or self.changes)


def creation(wanted: WantedEntry, dn: DN, subschema: Subschema) -> Add:
    """Say how the wanted entry is made at a DN."""
    values = {
        name: distinct(name, values, subschema)
        for name, values in {**wanted.on_create, **wanted.attributes}.items()
        if values
    }
    return Add(dn, {"objectClass": tuple(name.encode() for name in wanted.object_classes), **values})


def difference(wanted: WantedEntry, found: FoundEntry, subschema: Subschema) -> Difference:
    """Say how the entry's name and its mapped attributes must change.

    Values are told apart by their octets, so a change of case alone is a change; their order says nothing.
    """
    mapped = _mapped(wanted, subschema)
    have = _by_key(found.attributes, subschema)
    rdn = _rdn_change(wanted, found, subschema)
    before: tuple[AttributeChange, ...] = ()
    if rdn is not None:
        old, new = _naming(found.dn.rdn, subschema), _naming(rdn.new_rdn, subschema)
        if rdn.delete_old_rdn:
            have = _without(have, old, subschema)
        before = tuple(_making_room(have, old, new, subschema))
        have = _with(have, before, new, subschema)
    return Difference(before, rdn, tuple(_changes(wanted, mapped, have, subschema)))


def difference_in_place(wanted: WantedEntry, found: FoundEntry, subschema: Subschema) -> tuple[AttributeChange, ...]:
    """Say how the attributes must change while the entry keeps its name: all but those that name it, now or later."""
    naming = {key for rdn in (wanted.rdn, found.dn.rdn) for key, _ in _naming(rdn, subschema)}
    mapped = {key: values for key, values in _mapped(wanted, subschema).items() if key not in naming}
    return tuple(_changes(wanted, mapped, _by_key(found.attributes, subschema), subschema))


def has_classes(object_classes: Iterable[str], found: FoundEntry, subschema: Subschema) -> bool:
    """Say whether the found entry belongs to all the object classes, by itself or by inheritance."""
    return not _missing_classes(object_classes, _by_key(found.attributes, subschema), subschema)


def distinct(name: str, values: Values, subschema: Subschema) -> Values:
    """Keep the first of the values that the equality rule takes as one: the server would refuse the others."""
    if len(values) == 1:
        return values
    kept: dict[bytes, bytes] = {}
    for value in values:
        kept.setdefault(subschema.prepared(name, value), value)
    return tuple(kept.values())


def _mapped(wanted: WantedEntry, subschema: Subschema) -> dict[str, tuple[str, Values]]:
    """Key the mapped attributes as found ones are."""
    return {
        subschema.key(name): (name, distinct(name, values, subschema)) for name, values in wanted.attributes.items()
    }


def _by_key(attributes: Mapping[str, Values], subschema: Subschema) -> dict[str, Values]:
    return {subschema.key(name): values for name, values in attributes.items()}


def _naming(rdn: RDN, subschema: Subschema) -> _Naming:
    return frozenset((subschema.key(ava.attribute), ava.octets) for ava in rdn.avas)


def _rdn_change(wanted: WantedEntry, found: FoundEntry, subschema: Subschema) -> RdnChange | None:
    old, new = _naming(found.dn.rdn, subschema), _naming(wanted.rdn, subschema)
    if old == new:
        return None
    # An attribute that nobody maps may be required, as `cn` is: its value stays. One that is mapped but names the entry
    # no longer is brought to its wanted values by the Modify. What is in the new RDN is mapped (see WantedEntry).
    return RdnChange(wanted.rdn, delete_old_rdn={key for key, _ in old} <= {key for key, _ in new})


def _without(have: Mapping[str, Values], naming: _Naming, subschema: Subschema) -> dict[str, Values]:
    """Take away what the server does with `deleteoldrdn`; it goes by the equality rule."""
    gone = {(key, subschema.prepared(key, value)) for key, value in naming}
    return {
        key: tuple(value for value in values if (key, subschema.prepared(key, value)) not in gone)
        for key, values in have.items()
    }


def _making_room(
    have: Mapping[str, Values], old: _Naming, new: _Naming, subschema: Subschema
) -> Iterable[AttributeChange]:
    """A ModifyDN adds its naming values: where an attribute takes only one, the present one must make room first."""
    kept = {key for key, _ in old}
    for key, value in sorted(new):
        others = [one for one in have.get(key, ()) if subschema.prepared(key, one) != subschema.prepared(key, value)]
        # A value that still names the entry cannot go first; the server will say what it thinks of the pair.
        if others and key not in kept and subschema.single_valued(key):
            yield AttributeChange(ModifyOperation.REPLACE, key, (value,))


def _with(
    have: Mapping[str, Values], before: Iterable[AttributeChange], new: _Naming, subschema: Subschema
) -> dict[str, Values]:
    """Put in what the server puts in: naming values that no present value is equal to by the rule."""
    result = {**have, **{change.name: change.values for change in before}}
    for key, value in sorted(new):
        values = result.get(key, ())
        if subschema.prepared(key, value) not in {subschema.prepared(key, one) for one in values}:
            result[key] = (*values, value)
    return result


def _changes(
    wanted: WantedEntry, mapped: Mapping[str, tuple[str, Values]], have: Mapping[str, Values], subschema: Subschema
) -> Iterable[AttributeChange]:
    if missing := _missing_classes(wanted.object_classes, have, subschema):
        yield AttributeChange(ModifyOperation.ADD, "objectClass", missing)
    for key, (name, values) in mapped.items():
        yield from _attribute_changes(name, values, have.get(key, ()), subschema)


def _missing_classes(object_classes: Iterable[str], have: Mapping[str, Values], subschema: Subschema) -> Values:
    present = subschema.classes(value.decode(errors="replace") for value in have.get(OBJECT_CLASS, ()))
    return tuple(name.encode() for name in object_classes if not subschema.classes([name]) <= present)


def _attribute_changes(name: str, wanted: Values, have: Values, subschema: Subschema) -> Iterable[AttributeChange]:
    def told_apart(values: Values, by: Callable[[str, bytes], bytes]) -> set[bytes]:
        return {by(name, value) for value in values}

    wanted_octets, have_octets = told_apart(wanted, subschema.comparable), told_apart(have, subschema.comparable)
    if wanted_octets == have_octets:
        return
    lost = tuple(value for value in have if subschema.comparable(name, value) not in wanted_octets)
    gained = tuple(value for value in wanted if subschema.comparable(name, value) not in have_octets)
    if not wanted:
        yield AttributeChange(ModifyOperation.DELETE, name, ())
    elif subschema.equality(name) is None or not told_apart(lost, subschema.prepared).isdisjoint(
        told_apart(gained, subschema.prepared)
    ):
        # Without an equality rule no single value can be named; and where the rule takes the old and the new as one
        # value, only the whole set says which spelling is meant.
        yield AttributeChange(ModifyOperation.REPLACE, name, wanted)
    else:
        if lost:
            yield AttributeChange(ModifyOperation.DELETE, name, lost)
        if gained:
            yield AttributeChange(ModifyOperation.ADD, name, gained)
