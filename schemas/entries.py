"""Entries as they should be, as they were found, and the changes between the two.

Attribute values are octets, as on the wire. Attribute names are compared without regard to case; options (`cn;lang-zh`)
belong to the name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from schemas.dn import DN, RDN

Values: TypeAlias = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class WantedEntry:
    """What an entity should be in LDAP, apart from where its parent stands.

    Attributes:
        rdn: the naming values; each of them is also among `attributes`.
        object_classes: all of them must be there; others may be.
        attributes: every mapped attribute; an empty tuple removes it.
        on_create: written only when the entry is created.
        id_attribute: holds the entity's id, and tells whose the entry is; it is among `attributes`.
        identifier: one of `attributes`, by whose values an entry that is there already is found.
    """

    rdn: RDN
    object_classes: tuple[str, ...]
    attributes: Mapping[str, Values]
    on_create: Mapping[str, Values]
    id_attribute: str | None = None
    identifier: str | None = None


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry as the directory has it.

    Attributes:
        attributes: by lower-case name; only what was asked for.
        entry_uuid: RFC 4530.
        entry_csn: changes with every change of the entry; the assertion of the next write.
    """

    dn: DN
    entry_uuid: str
    entry_csn: bytes
    attributes: Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class EntryDrift:
    """How an entry differs from the wanted one, for reports: never a value.

    Attributes:
        renamed: its RDN is another; where its parent stands is not asked.
        attributes: those that differ beside that, in the configuration's spelling.
    """

    renamed: bool = False
    attributes: tuple[str, ...] = ()


class ModifyOperation(IntEnum):
    """RFC 4511 section 4.6."""

    ADD = 0
    DELETE = 1
    REPLACE = 2


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One line of a Modify; DELETE or REPLACE without values removes the attribute."""

    operation: ModifyOperation
    name: str
    values: Values


@dataclass(frozen=True, slots=True)
class Add:
    """Create an entry."""

    dn: DN
    attributes: Mapping[str, Values]

    def describe(self) -> str:
        """Say for people what it does."""
        return f"add {self.dn}"


@dataclass(frozen=True, slots=True)
class Modify:
    """Change attributes of an entry."""

    dn: DN
    changes: tuple[AttributeChange, ...]

    def describe(self) -> str:
        """Say for people what it does; values are left out, they may be personal."""
        names = ", ".join(f"{change.operation.name.lower()} {change.name}" for change in self.changes)
        return f"modify {self.dn}: {names}"


@dataclass(frozen=True, slots=True)
class Move:
    """Rename an entry, or move it below another parent, or both, in one ModifyDN."""

    dn: DN
    new_rdn: RDN
    new_superior: DN | None
    delete_old_rdn: bool

    @property
    def new_dn(self) -> DN:
        """Where the entry stands afterwards."""
        return (self.dn.parent if self.new_superior is None else self.new_superior).child(self.new_rdn)

    def describe(self) -> str:
        """Say for people what it does."""
        return f"move {self.dn} to {self.new_dn}"


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entry that has no children."""

    dn: DN

    def describe(self) -> str:
        """Say for people what it does."""
        return f"delete {self.dn}"


Change: TypeAlias = Add | Modify | Move | Delete
