"""Compiled expressions: closures over one evaluation, which counts its own work."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from processors.expressions.errors import EvaluationError
from processors.expressions.functions import Implementation, array_of
from processors.expressions.values import is_empty, kind, size_of, truth_of
from schemas.events import Json

_MOST_WORK: Final = 1_000_000  # items visited and characters made; some milliseconds

CUSTOM_FIELD_MAP: Final = "customFieldMap"


class Evaluation:
    """One run of an expression.

    Attributes:
        scope: the records by the names of their roots.
        item: what `__item` stands for just now.
    """

    __slots__ = ("_work", "item", "scope")

    def __init__(self, scope: Mapping[str, Json]) -> None:
        self.scope = scope
        self.item: Json = None
        self._work = 0

    def spend(self, work: int) -> None:
        """Count work, so that no record can make an expression run for long.

        Raises:
            EvaluationError: it was too much.
        """
        self._work += work
        if self._work > _MOST_WORK:
            raise EvaluationError("the record is too large for this expression")


Node: TypeAlias = Callable[[Evaluation], Json]


def literal(value: Json) -> Node:
    """The same value always."""
    return lambda _: value


def root(name: str) -> Node:
    """A record; null when there is none."""
    return lambda evaluation: evaluation.scope.get(name)


def item(evaluation: Evaluation) -> Json:
    """Give the array's item that ArrayMap is at."""
    return evaluation.item


def member(of: Node, name: str) -> Node:
    """A member of an object; null of null."""

    def run(evaluation: Evaluation) -> Json:
        value = of(evaluation)
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(name)
        raise EvaluationError(f"{kind(value)} has no member {name!r}")

    return run


def custom_field_map(of: Node) -> Node:
    """A record's custom fields by their names, each with its name and value as in the list."""

    def run(evaluation: Evaluation) -> Json:
        record = of(evaluation)
        fields = record.get("customFields") if isinstance(record, dict) else None
        if not isinstance(fields, list):
            return None
        evaluation.spend(len(fields))
        named = ((field.get("fieldName"), field) for field in fields if isinstance(field, dict))
        return {name: field for name, field in named if isinstance(name, str)}

    return run


def call(name: str, implementation: Implementation, arguments: Sequence[Node]) -> Node:
    """A function that looks at all its arguments."""

    def run(evaluation: Evaluation) -> Json:
        values = [argument(evaluation) for argument in arguments]
        try:
            result = implementation(values)
        except EvaluationError as exc:
            raise EvaluationError(f"{name}: {exc}") from exc
        evaluation.spend(size_of(result))
        return result

    return run


def coalesce(arguments: Sequence[Node]) -> Node:
    """The first value that is not empty; those after it are not looked at."""

    def run(evaluation: Evaluation) -> Json:
        for argument in arguments:
            value = argument(evaluation)
            if not is_empty(value):
                return value
        return None

    return run


def iif(condition: Node, then: Node, otherwise: Node) -> Node:
    """One of two values; the other is not looked at."""
    return lambda evaluation: (then if truth_of(condition(evaluation)) else otherwise)(evaluation)


def array_map(array: Node, body: Node) -> Node:
    """The body's value for each item of an array; null of null."""

    def run(evaluation: Evaluation) -> Json:
        try:
            items = array_of(array(evaluation))
        except EvaluationError as exc:
            raise EvaluationError(f"ArrayMap: {exc}") from exc
        if items is None:
            return None
        outer, results = evaluation.item, []
        for evaluation.item in items:
            evaluation.spend(1)
            results.append(body(evaluation))
        evaluation.item = outer
        return results

    return run


def either(operands: Sequence[Node]) -> Node:
    """`||`: stops at the first that is true."""
    return lambda evaluation: any(truth_of(operand(evaluation)) for operand in operands)


def both(operands: Sequence[Node]) -> Node:
    """`&&`: stops at the first that is false."""
    return lambda evaluation: all(truth_of(operand(evaluation)) for operand in operands)


def negation(operand: Node) -> Node:
    """`!`."""
    return lambda evaluation: not truth_of(operand(evaluation))
