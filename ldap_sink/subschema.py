"""The server's schema: what attributes and object classes are, and how their values compare (RFC 4512 section 4)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from ldap3.core.exceptions import LDAPException
from ldap3.protocol.rfc4512 import AttributeTypeInfo, ObjectClassInfo

from ldap_sink import matching

OBJECT_CLASS: Final = "objectclass"
_EXTENSIBLE: Final = "extensibleobject"  # RFC 4512 section 4.3: its entries may hold any attribute
# ldap3's words for what RFC 4512 sections 4.1.1 and 4.1.2 take where nothing is said.
_STRUCTURAL: Final = "STRUCTURAL"
_USER_APPLICATION: Final = "USER_APPLICATION"
_Definitions: TypeAlias = Iterable[bytes]


@dataclass(frozen=True, slots=True)
class AttributeType:
    """One attribute type, with what it inherits.

    Attributes:
        operational: the server keeps it for its own use; any entry may have it (RFC 4512 section 3.4).
        modifiable: whether anybody but the server may write it.
    """

    name: str
    equality: str | None
    syntax: str | None
    single_valued: bool
    operational: bool
    modifiable: bool


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """One object class, without what it inherits; names in lower case, as they were written."""

    name: str
    structural: bool
    superior: tuple[str, ...]
    must: tuple[str, ...]
    may: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subschema:
    """What the server knows of attributes and object classes.

    All names are taken without regard to case, with any of their synonyms or by OID.
    """

    attribute_types: Mapping[str, AttributeType]
    object_classes: Mapping[str, ObjectClass]

    @classmethod
    def parse(cls, attribute_types: _Definitions, object_classes: _Definitions) -> Self:
        """Read the values of `attributeTypes` and `objectClasses` of a subschema subentry.

        A definition that cannot be read counts as absent: nobody may use it in a mapping, all others work.
        """
        return cls(_attribute_types(attribute_types), _object_classes(object_classes))

    def key(self, name: str) -> str:
        """The one name under which an attribute description is known: lower case, options sorted, no synonym."""
        base, *options = name.lower().split(";")
        known = self.attribute_types.get(base)
        return ";".join((known.name if known else base, *sorted(options)))

    def has_attribute(self, name: str) -> bool:
        """Say whether the server knows the attribute."""
        return self._type(name) is not None

    def has_class(self, name: str) -> bool:
        """Say whether the server knows the object class."""
        return name.lower() in self.object_classes

    def single_valued(self, name: str) -> bool:
        """Say whether the attribute takes one value at most; False for an unknown one."""
        known = self._type(name)
        return known is not None and known.single_valued

    def modifiable(self, name: str) -> bool:
        """Say whether anybody but the server may write the attribute; True for an unknown one."""
        known = self._type(name)
        return known is None or known.modifiable

    def equality(self, name: str) -> str | None:
        """The equality rule of the attribute, its own or inherited."""
        known = self._type(name)
        return known.equality if known else None

    def comparable(self, name: str, value: bytes) -> bytes:
        """The octets by which two values are told apart (see `matching.by_syntax`)."""
        known = self._type(name)
        return matching.by_syntax(known.syntax if known else None, value)

    def prepared(self, name: str, value: bytes) -> bytes:
        """The octets by which the attribute's equality rule tells two values apart."""
        return matching.by_rule(self.equality(name), value)

    def classes(self, names: Iterable[str]) -> frozenset[str]:
        """The object classes and all that they inherit from, by their one name each."""
        found: set[str] = set()
        left = [name.lower() for name in names]
        while left:
            name = left.pop()
            known = self.object_classes.get(name)
            one_name = known.name if known else name
            if one_name not in found:
                found.add(one_name)
                left += known.superior if known else ()
        return frozenset(found)

    def structural(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those that say what sort of thing an entry is; it must have exactly one (RFC 4512 section 2.4.2).

        Returns:
            The structural classes, as they were given, of which no other of them inherits.
        """
        chains = {name: self.classes([name]) for name in names if self._is_structural(name)}
        return tuple(
            name
            for name in chains
            if not any(self._class_name(name) in chain for other, chain in chains.items() if other != name)
        )

    def required(self, class_names: Iterable[str]) -> frozenset[str]:
        """The keys of the attributes that an entry of these classes must have, `objectClass` among them."""
        return frozenset(self.key(name) for known in self._known(class_names) for name in known.must)

    def allows(self, class_names: Iterable[str], attribute: str) -> bool:
        """Say whether an entry of these classes may have the attribute."""
        attribute_type = self._type(attribute)
        if attribute_type is not None and attribute_type.operational:
            return True
        known = list(self._known(class_names))
        base = self.key(attribute).partition(";")[0]
        return any(
            known_class.name == _EXTENSIBLE or base in map(self.key, (*known_class.must, *known_class.may))
            for known_class in known
        )

    def _class_name(self, name: str) -> str:
        known = self.object_classes.get(name.lower())
        return known.name if known else name.lower()

    def _is_structural(self, name: str) -> bool:
        known = self.object_classes.get(name.lower())
        return known is not None and known.structural

    def _known(self, class_names: Iterable[str]) -> Iterator[ObjectClass]:
        return (self.object_classes[name] for name in self.classes(class_names) if name in self.object_classes)

    def _type(self, name: str) -> AttributeType | None:
        return self.attribute_types.get(name.lower().partition(";")[0])


def _infos(kind: type[AttributeTypeInfo | ObjectClassInfo], definitions: _Definitions) -> Iterator[Any]:
    """Read each definition by itself, so that a bad one spoils no other."""
    for definition in definitions:
        try:
            yield from kind.from_definition([definition]).values()  # type: ignore[no-untyped-call]  # ldap3's
        except (LDAPException, ValueError, IndexError):
            continue


def _names(info: Any) -> list[str]:
    return [name.lower() for name in (*(info.name or ()), info.oid)]


def _lower(names: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(name.lower() for name in names or ())


def _attribute_types(definitions: _Definitions) -> dict[str, AttributeType]:
    infos = {name: info for info in _infos(AttributeTypeInfo, definitions) for name in _names(info)}

    def inherited(info: Any, field: str) -> Any:
        # RFC 4512 section 2.5.1: rules and syntax come from the supertype where they are not given.
        seen = set()
        while info is not None and info.oid not in seen and not getattr(info, field):
            seen.add(info.oid)
            info = infos.get(next(iter(_lower(info.superior)), ""))
        return getattr(info, field, None)

    return {
        name: AttributeType(
            name=_names(info)[0],
            equality=next(iter(inherited(info, "equality") or ()), None),
            syntax=inherited(info, "syntax") or None,
            single_valued=bool(info.single_value),
            operational=info.usage not in {None, _USER_APPLICATION},
            modifiable=not info.no_user_modification,
        )
        for name, info in infos.items()
    }


def _object_classes(definitions: _Definitions) -> dict[str, ObjectClass]:
    return {
        name: ObjectClass(
            name=_names(info)[0],
            structural=info.kind in {None, _STRUCTURAL},
            superior=_lower(info.superior),
            must=_lower(info.must_contain),
            may=_lower(info.may_contain),
        )
        for info in _infos(ObjectClassInfo, definitions)
        for name in _names(info)
    }
