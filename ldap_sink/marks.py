"""Ids on entries: by what an entry itself says whose it is (design section 5, `id_attribute`). Pure."""

from dataclasses import dataclass
from typing import Self

from ldap_sink.subschema import Subschema
from schemas.entries import FoundEntry, Values, WantedEntry


@dataclass(frozen=True, slots=True)
class IdMark:
    """By what an entry itself says whose it is.

    Attributes:
        attribute: the one that is configured for it (`id_attribute`).
        value: the entity's id, told from others by octets.
        object_classes: those of the entity's kind: what lacks one of them belongs to another kind, which may have the
            same ids.
    """

    attribute: str
    value: bytes
    object_classes: tuple[str, ...]

    @classmethod
    def of(cls, wanted: WantedEntry) -> Self | None:
        """The mark that the entry shall have; None where none is configured."""
        if wanted.id_attribute is None:
            return None
        return cls(wanted.id_attribute, wanted.attributes[wanted.id_attribute][0], wanted.object_classes)

    def other_id(self, found: FoundEntry, subschema: Subschema) -> str | None:
        """The id that an entry carries instead of this one, octet for octet; None when it carries this one or none."""
        others = [value for value in ids_of(self.attribute, found, subschema) if value != self.value]
        return others[0].decode(errors="replace") if others else None


def ids_of(attribute: str, found: FoundEntry, subschema: Subschema) -> Values:
    """The ids that an entry carries in the attribute that is configured for them."""
    key = subschema.key(attribute)
    return next((values for name, values in found.attributes.items() if subschema.key(name) == key), ())
