"""The rules that turn a record's fields into an entry's attributes (contract section 4, "Mapping rows")."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

from processors.expressions import ORGANIZATION_PATH, EvaluationError, Expression, ExpressionError, compile_expression
from processors.octets import is_binary, lacks_binary, octets_of
from schemas.dn import usual_name
from schemas.entries import Values
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Json

Constant: TypeAlias = str | bool | int | float

_DESCRIPTION: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)(?:;[A-Za-z0-9-]+)*")  # RFC 4512, 2.5
_FIELD: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
_REFUSED: Final = {
    "userpassword": "passwords are written by the setting sync.passwords, never by a mapping",
    "objectclass": "object classes are written by the setting object_classes",
}


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row as it was configured; exactly one of `field`, `constant` and `expression`.

    Attributes:
        attribute: an LDAP attribute, with its options.
        field: a dotted path from the root of the record: `user.email`.
        on_create: written only when the entry is created.
        identifier: existing entries are found by it.
    """

    attribute: str
    field: str | None = None
    constant: Constant | tuple[Constant, ...] | None = None
    expression: str | None = None
    on_create: bool = False
    identifier: bool = False


@dataclass(frozen=True, slots=True)
class MappingProblem:
    """What is wrong with one row.

    Attributes:
        row: its index, from 0.
        message: for people; with line and column where it is about an expression.
        mistake: where in the row's field or expression it is, if it is there.
    """

    row: int
    message: str
    mistake: ExpressionError | None = None


class InvalidMapping(ValueError):
    """Rows that make no mapping.

    Attributes:
        problems: all of them, by row.
    """

    def __init__(self, problems: Sequence[MappingProblem]) -> None:
        super().__init__("; ".join(f"row {problem.row + 1}: {problem.message}" for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class MappedValue:
    """What a record gives for one attribute.

    Attributes:
        values: without repetitions, in the source's order; none removes the attribute.
        reason: where they come from, for people; without the values.
    """

    values: Values
    reason: str


@dataclass(frozen=True, slots=True)
class CompiledRow:
    """One row, ready to be applied.

    Attributes:
        source: the constant's values, or what works them out.
    """

    attribute: str
    source: Values | Expression
    reason: str
    on_create: bool
    identifier: bool

    @property
    def uses_path(self) -> bool:
        """Whether it reads the names of the organizations above."""
        return isinstance(self.source, Expression) and ORGANIZATION_PATH in self.source.fields

    def apply(self, scope: Mapping[str, Json]) -> MappedValue:
        """Work out the values for the record that is in scope.

        Raises:
            Permanent: `expression_failed`, with the attribute's name.
        """
        if isinstance(self.source, tuple):
            return MappedValue(self.source, self.reason)
        try:
            values = octets_of(self.attribute, self.source.evaluate(scope))
        except EvaluationError as exc:
            raise Permanent(DeadLetterReason.EXPRESSION_FAILED, f"{self.attribute}: {exc}") from exc
        return MappedValue(values, self.reason)


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """The rows of one kind of records, checked.

    Attributes:
        root: what expressions call the record: `user` or `organization`.
    """

    root: str
    rows: tuple[CompiledRow, ...]

    @classmethod
    def of(cls, rows: Sequence[MappingRow], root: str) -> Self:
        """Check and compile rows.

        Raises:
            InvalidMapping: with everything that is wrong.
        """
        problems = [*_conflicts(rows, root)]
        compiled: list[CompiledRow] = []
        for index, row in enumerate(rows):
            try:
                compiled.append(_compile(row, root))
            except ValueError as exc:
                mistake = exc if isinstance(exc, ExpressionError) else None
                problems.append(MappingProblem(index, str(exc), mistake))
        if problems:
            raise InvalidMapping(sorted(problems, key=lambda problem: problem.row))
        return cls(root, tuple(compiled))

    @property
    def identifier(self) -> str | None:
        """The attribute by which existing entries are found."""
        return next((row.attribute for row in self.rows if row.identifier), None)

    @property
    def fields(self) -> frozenset[str]:
        """The dotted paths of all fields that are read."""
        return frozenset().union(*(row.source.fields for row in self.rows if isinstance(row.source, Expression)))

    @property
    def uses_path(self) -> bool:
        """Whether the names of the organizations above matter: with them the values change."""
        return any(row.uses_path for row in self.rows)

    def row_of(self, attribute: str) -> CompiledRow | None:
        """The row of an attribute, by any of its usual names."""
        return next((row for row in self.rows if same_attribute(row.attribute, attribute)), None)

    def evaluate(self, fields: Mapping[str, Json], path: Sequence[str | None] | None = None) -> dict[str, MappedValue]:
        """Work out the values of the attributes, those for creation too.

        Args:
            fields: of the record, by their current names.
            path: the names that `organization.path` stands for; None: not known, so rows that read it are left out.

        Returns:
            By the attributes' names as they were configured.

        Raises:
            Permanent: `expression_failed`, with the attribute's name.
        """
        scope: dict[str, Json] = {self.root: dict(fields), ORGANIZATION_PATH: list(path or ())}
        return {row.attribute: row.apply(scope) for row in self.rows if path is not None or not row.uses_path}


def compile_mapping(rows: Sequence[MappingRow], root: str) -> CompiledMapping:
    """Check and compile the rows for `user` or `organization`.

    Raises:
        InvalidMapping: with everything that is wrong.
    """
    return CompiledMapping.of(rows, root)


def same_attribute(one: str, other: str) -> bool:
    """Tell whether two descriptions are of one attribute: by its usual names, options in any order (RFC 4512, 2.5)."""
    return _one_name(one) == _one_name(other)


def _one_name(attribute: str) -> tuple[str, ...]:
    base, *options = attribute.lower().split(";")
    return (usual_name(base), *sorted(set(options)))


def _conflicts(rows: Sequence[MappingRow], root: str) -> Iterator[MappingProblem]:
    """Find what is wrong between rows."""
    seen: dict[tuple[str, ...], str] = {}
    identifier: str | None = None
    for index, row in enumerate(rows):
        name = _one_name(row.attribute)
        if name in seen:
            yield MappingProblem(index, f"{row.attribute} has a row already ({seen[name]}): keep one of them")
        seen.setdefault(name, row.attribute)
        if not row.identifier:
            continue
        if root != "user":
            yield MappingProblem(index, "identifier is for users only: remove it")
        elif row.on_create:
            yield MappingProblem(index, "an identifier is written always: remove 'on: create'")
        elif identifier is not None:
            yield MappingProblem(index, f"{identifier} is the identifier already: keep one of them")
        identifier = identifier or row.attribute


def _compile(row: MappingRow, root: str) -> CompiledRow:
    if not _DESCRIPTION.fullmatch(row.attribute):
        raise ValueError(f"{row.attribute!r} is not the name of an attribute")
    if reason := _REFUSED.get(usual_name(row.attribute.partition(";")[0])):
        raise ValueError(f"{row.attribute} cannot be mapped: {reason}")
    if lacks_binary(row.attribute):
        raise ValueError(f"{row.attribute} is written with the option ;binary only: write {row.attribute};binary")
    if row.identifier and is_binary(row.attribute):
        raise ValueError(f"{row.attribute} cannot be searched for: choose another attribute as identifier")
    source: Values | Expression
    match row:
        case MappingRow(field=str(path), constant=None, expression=None):
            if not _FIELD.fullmatch(path):
                raise ValueError(f"{path!r} is not a field: it must be {root}. and a name")
            source, reason = compile_expression(path, root=root), f"field {path}"
        case MappingRow(field=None, constant=None, expression=str(text)):
            source, reason = compile_expression(text, root=root), f"expression {text}"
        case MappingRow(field=None, constant=value, expression=None) if value is not None:
            source, reason = octets_of(row.attribute, list(value) if isinstance(value, tuple) else value), "constant"
        case _:
            raise ValueError("exactly one of field, constant and expression is needed")
    return CompiledRow(row.attribute, source, reason, row.on_create, row.identifier)
