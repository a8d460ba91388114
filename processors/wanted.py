"""What a record should be in LDAP, apart from where it stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from processors.expressions import ORGANIZATION_PATH
from processors.mapping import CompiledMapping
from processors.rdn import is_qualified, qualifier_of, rdn_of
from schemas.dn import RDN, usual_name
from schemas.entries import Values, WantedEntry
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Record

_OBJECT_CLASS = "objectclass"


@dataclass(frozen=True, slots=True)
class EntryRules:
    """The configuration of one kind of entries, ready to be applied.

    Attributes:
        object_classes: all that an entry must have.
        rdn_attribute: names the entries; the mapping has a row for it that is written always.
        mapping: of the same kind of records.
        required: lower-case names of the attributes that the object classes demand.
        id_attribute: the record's id is written to it.
        qualify: who cannot have a name because another has it takes the name and a qualifier.

    Raises:
        ValueError: the mapping has no such row, one that reads `organization.path`, or one for `id_attribute`; or there
            is no qualifier.
    """

    object_classes: tuple[str, ...]
    rdn_attribute: str
    mapping: CompiledMapping
    required: frozenset[str] = frozenset()
    id_attribute: str | None = None
    qualify: bool = False

    def __post_init__(self) -> None:
        row = self.mapping.row_of(self.rdn_attribute)
        if row is None or row.on_create:
            raise ValueError(f"{self.rdn_attribute} names the entries: it needs a row that is written always")
        if row.uses_path:
            raise ValueError(f"{self.rdn_attribute} names the entries: it cannot be made of {ORGANIZATION_PATH}")
        if self.id_attribute is not None and self.mapping.row_of(self.id_attribute) is not None:
            raise ValueError(f"{self.id_attribute} has a row in the mapping, but the id is written there")
        if self.qualify and self.qualifier is None:
            raise ValueError(f"nothing but {self.rdn_attribute} can be in the names of entries")

    @property
    def qualifier(self) -> str | None:
        """The attribute that tells entries of one name apart; None where they wait for each other."""
        if not self.qualify:
            return None
        return qualifier_of(self.rdn_attribute, self.mapping.identifier, self.id_attribute)

    @property
    def uses_path(self) -> bool:
        """Whether entries change with the names of the organizations above."""
        return self.mapping.uses_path

    def wanted(
        self, record: Record, present: RDN | None, *, path_names: Sequence[str | None] | None = None
    ) -> WantedEntry:
        """Work out the entry of a record.

        Args:
            record: of the same kind.
            present: the name of the entry that it is bound to: a qualified one is kept as long as it is the same name.
            path_names: of the organizations above, from below the source node on; None: not known, so attributes that
                are made of them are left as they are.

        Raises:
            Permanent: `expression_failed`, `missing_value` or `bad_rdn`, each with the attribute's name.
        """
        attributes: dict[str, Values] = {}
        on_create: dict[str, Values] = {}
        mapped = self.mapping.evaluate(record.fields, None if path_names is None else (*path_names, record.name))
        unknown = [row.attribute for row in self.mapping.rows if row.attribute not in mapped]
        for row in self.mapping.rows:
            if row.attribute in unknown:
                continue
            values = mapped[row.attribute].values
            if not row.on_create:
                attributes[row.attribute] = values
            elif values:
                on_create[row.attribute] = values
        if self.id_attribute is not None:
            attributes[self.id_attribute] = (record.id.encode(),)
        rdn = rdn_of(self.rdn_attribute, _values_of(self.rdn_attribute, attributes))
        self._check_required((*_with_values(attributes), *_with_values(on_create), *unknown))
        entry = WantedEntry(rdn, self.object_classes, attributes, on_create, self.id_attribute, self.mapping.identifier)
        if present is None or self.qualifier is None or not is_qualified(present, rdn, self.qualifier):
            return entry
        return self.qualified(entry) or entry

    def qualified(self, wanted: WantedEntry) -> WantedEntry | None:
        """The same entry under its name and the qualifier; None where names are not qualified, or this one is.

        Raises:
            Permanent: `missing_value` or `bad_rdn`: the qualifier's values cannot name an entry.
        """
        if self.qualifier is None or len(wanted.rdn.avas) > 1:
            return None
        qualifier = rdn_of(self.qualifier, _values_of(self.qualifier, wanted.attributes))
        # The entry of one's namesake has the same value: it identifies nobody any more.
        names_entries = wanted.identifier is not None and usual_name(wanted.identifier) == usual_name(
            self.rdn_attribute
        )
        identifier = None if names_entries else wanted.identifier
        return replace(wanted, rdn=RDN((*wanted.rdn.avas, *qualifier.avas)), identifier=identifier)

    def _check_required(self, present: Iterable[str]) -> None:
        # An option makes a subtype (RFC 4512 section 2.5.2), and a subtype's value is one of its type.
        names = {usual_name(name.partition(";")[0]) for name in present}
        missing = sorted(name for name in self.required if usual_name(name) not in names | {_OBJECT_CLASS})
        if missing:
            raise Permanent(DeadLetterReason.MISSING_VALUE, f"required, but without a value: {', '.join(missing)}")


def _with_values(attributes: Mapping[str, Values]) -> Iterable[str]:
    return (name for name, values in attributes.items() if values)


def _values_of(attribute: str, attributes: Mapping[str, Values]) -> Values:
    return next(values for name, values in attributes.items() if usual_name(name) == usual_name(attribute))
