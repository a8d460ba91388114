"""The values of an entry, worked out by the shortest way that is sure to give what `EntryRules.wanted` gives."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from processors.expressions import EvaluationError, Expression
from processors.expressions.plain import MAX_LENGTH as MAX_TEXT
from processors.expressions.plain import compile_plain, plain_field
from processors.mapping import CompiledRow
from processors.octets import is_binary
from processors.rdn import MAX_LENGTH
from processors.wanted import EntryRules
from schemas.dn import AVA, usual_name
from schemas.errors import InvalidEvent, Permanent
from schemas.events import Json, Kind
from schemas.records import LARGEST, OLDER_NAMES, TIMES, TYPED_FIELDS, record_of

_Row: TypeAlias = Callable[[Mapping[str, Json]], bytes]

# What stands in a DN as it is, without an escape (RFC 4514 section 2.4).
_UNESCAPED: Final = re.compile(rb'[^\\"+,;<>\x00# \t\n\r](?:[^\\"+,;<>\x00]*[^\\"+,;<>\x00 \t\n\r])?')
_TIMES: Final = tuple(TIMES)
_ID: Final = {Kind.ACCOUNT: "userId", Kind.ORGANIZATION: "organizationalUnitId"}


class PlainEntries:
    """Works out the entries of one kind whose attributes have a value or none.

    Attributes:
        attributes: which they are, as the mapping spells them.
        naming: the place of the one that names the entry.
    """

    def __init__(self, kind: Kind, rules: EntryRules) -> None:
        rows = [row for row in rules.mapping.rows if not row.on_create]
        on_create = [row for row in rules.mapping.rows if row.on_create]
        self.attributes = tuple(row.attribute for row in rows)
        self._rows = [_row(kind, row, rules.mapping.root) for row in (*rows, *on_create)]
        if rules.id_attribute is not None:
            self.attributes += (rules.id_attribute,)
            self._rows.insert(len(rows), lambda fields: _text_of_id(fields[_ID[kind]]))
        names = [usual_name(name) for name in self.attributes]
        self.naming = names.index(usual_name(rules.rdn_attribute))
        bases = [name.partition(";")[0] for name in (*self.attributes, *(row.attribute for row in on_create))]
        needed = [
            [place for place, base in enumerate(bases) if usual_name(base) == usual_name(required)]
            for required in rules.required
            if usual_name(required) != "objectclass"
        ]
        self._needed = [places[0] for places in needed if len(places) == 1]
        self._needed_somewhere = [places for places in needed if len(places) != 1]
        self._older_names = OLDER_NAMES[kind]
        self._id = _ID[kind]

    @classmethod
    def of(cls, kind: Kind, rules: EntryRules) -> "PlainEntries | None":
        """Make it; None where the entries of a kind need more than their record.

        A name with a qualifier is not looked for: whose entry has one is left to `EntryRules.wanted`.
        """
        return None if rules.uses_path else cls(kind, rules)

    def values(self, record: dict[str, Any]) -> list[bytes] | None:
        """The values of `attributes`, empty for none; None where it takes `EntryRules.wanted` to say.

        Args:
            record: as the JSON of a state has it.
        """
        if not record.keys().isdisjoint(self._older_names):
            return None
        for time in map(record.get, _TIMES):
            if time is not None and (time.__class__ is not int or not -LARGEST <= time <= LARGEST):
                return None
        try:
            values = [row(record) for row in self._rows]
        except (EvaluationError, Permanent, InvalidEvent, KeyError):
            return None
        for place in self._needed:
            if not values[place]:
                return None
        if self._needed_somewhere and not all(any(values[it] for it in places) for places in self._needed_somewhere):
            return None
        del values[len(self.attributes) :]
        return values if _is_plain_name(values[self.naming]) else None


def _is_plain_name(name: bytes) -> bool:
    if len(name) > MAX_LENGTH or not _UNESCAPED.fullmatch(name):
        return False
    return name.isascii() or bool(AVA("cn", name.decode()).prepared()[1])


def _row(kind: Kind, row: CompiledRow, root: str) -> _Row:
    source = row.source
    if not isinstance(source, Expression):
        return lambda _: _single(source)
    is_text = not is_binary(row.attribute)
    field = plain_field(source.text, TYPED_FIELDS) if is_text else None
    if field is not None:
        return _field(field)
    plain = compile_plain(source.text, TYPED_FIELDS) if is_text else None
    if plain is None:
        return lambda fields: _single(row.apply({root: dict(record_of(kind, fields).fields)}).values)

    def run(fields: Mapping[str, Json]) -> bytes:
        value = plain(fields)
        if value.__class__ is str:
            return value.encode()
        return b"" if value is None else _written(value)

    return run


def _field(name: str) -> _Row:
    def run(fields: Mapping[str, Json]) -> bytes:
        value = fields.get(name)
        if value.__class__ is str:
            return value.encode() if len(value) <= MAX_TEXT else _refuse()
        return b"" if value is None else _written(value)

    return run


def _written(value: Json) -> bytes:
    if isinstance(value, bool):
        return b"TRUE" if value else b"FALSE"  # as `octets_of`
    return _refuse()


def _single(values: tuple[bytes, ...]) -> bytes:
    if len(values) > 1:
        return _refuse()
    return values[0] if values else b""


def _text_of_id(value: Json) -> bytes:
    return value.encode() if isinstance(value, str) and value else _refuse()


def _refuse() -> bytes:
    raise EvaluationError("not plain")
