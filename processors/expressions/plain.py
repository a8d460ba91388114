"""Expressions over texts, for many records at a time: a short way to the values that `Expression.evaluate` gives.

It is taken only where it is sure to lead to the same value: fields of texts and booleans, none of them long.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

from lark import Token, Tree

from processors.expressions.compiler import ORGANIZATION_PATH, compile_expression
from processors.expressions.errors import EvaluationError
from processors.expressions.evaluation import CUSTOM_FIELD_MAP
from processors.expressions.functions import FUNCTIONS, Implementation
from processors.expressions.grammar import parse
from processors.expressions.values import equal, truth_of
from schemas.events import Json

Plain: TypeAlias = Callable[[Mapping[str, Json]], Json]
"""Takes the fields of a record; raises EvaluationError where `Expression.evaluate` does, or may give something else."""

MAX_LENGTH: Final = 4096  # characters
_MOST_CALLS: Final = 50  # so that their results together are far from what `Evaluation.spend` forbids
_EMPTY: Final = (None, "")  # of what is plain
_LITERALS: Final = {"true", "false", "null"}


class _NotPlain(Exception):
    """The expression holds something that has no short way."""


def compile_plain(text: str, typed: Collection[str] = ()) -> Plain | None:
    """Find the short way of an expression that `compile_expression` has accepted; None where there is none.

    Args:
        text: the expression.
        typed: the fields whose values in a record may be others than in the document it was read from.
    """
    tree = parse(text)
    if sum(1 for _ in tree.find_data("call")) > _MOST_CALLS:
        return None
    try:
        return _node(tree, typed)
    except _NotPlain:
        return None


def plain_field(text: str, typed: Collection[str] = ()) -> str | None:
    """The field that an expression gives as it is, where it does nothing else and the field is plain."""
    tree = parse(text)
    names = list(map(str, tree.children)) if tree.data == "path" else []
    return names[1] if _is_field(names, typed) else None


def _is_field(names: Sequence[str], typed: Collection[str]) -> bool:
    if len(names) != 2:  # noqa: PLR2004 - record and field
        return False
    return ".".join(names) != ORGANIZATION_PATH and names[1] not in {CUSTOM_FIELD_MAP, *typed}


def _node(tree: Tree[Token], typed: Collection[str]) -> Plain:
    match tree.data:
        case "string" | "number":
            return _literal(str(tree.children[0]))
        case "path":
            return _path(list(map(str, tree.children)), typed)
        case "call":
            name, *rest = tree.children
            arguments = [argument for argument in rest if isinstance(argument, Tree)]
            if name == "IIF" and _asks_for_null(arguments[0]):
                asked = [child for child in arguments[0].children if isinstance(child, Tree)]
                return _iif_null(*(_node(one, typed) for one in (*asked, *arguments[1:])))
            return _call(str(name), [_node(argument, typed) for argument in arguments])
        case "members":
            raise _NotPlain
        case operator:
            return _operation(operator, [_node(child, typed) for child in tree.children if isinstance(child, Tree)])


def _literal(text: str) -> Plain:
    value = compile_expression(text).evaluate({})
    return lambda _: value


def _path(names: Sequence[str], typed: Collection[str]) -> Plain:
    if len(names) == 1 and names[0] in _LITERALS:
        return _literal(names[0])
    if not _is_field(names, typed):
        raise _NotPlain
    name = names[1]

    def run(fields: Mapping[str, Json]) -> Json:
        value = fields.get(name)
        return value if value is None or (value.__class__ is str and len(value) <= MAX_LENGTH) else _checked(value)

    return run


def _call(name: str, nodes: Sequence[Plain]) -> Plain:
    implementation = FUNCTIONS[name].run
    match name:
        case "IIF":
            return _iif(*nodes)
        case "Coalesce":
            return _coalesce(nodes)
        case "IsNull":
            (node,) = nodes
            return lambda fields: node(fields) in _EMPTY
        case _ if implementation is None:
            raise _NotPlain
        case "Append":
            return _append(implementation, nodes)
        case _:
            return _function(implementation, nodes)


def _coalesce(nodes: Sequence[Plain]) -> Plain:
    def run(fields: Mapping[str, Json]) -> Json:
        for node in nodes:
            value = node(fields)
            if value not in _EMPTY:
                return value
        return None

    return run


def _iif(condition: Plain, then: Plain, otherwise: Plain) -> Plain:
    return lambda fields: then(fields) if truth_of(condition(fields)) else otherwise(fields)


def _asks_for_null(tree: Tree[Token]) -> bool:
    return tree.data == "call" and tree.children[0] == "IsNull"


def _iif_null(asked: Plain, then: Plain, otherwise: Plain) -> Plain:
    """`IIF(IsNull(asked), then, otherwise)`, as most conditions are."""
    return lambda fields: then(fields) if asked(fields) in _EMPTY else otherwise(fields)


def _append(implementation: Implementation, nodes: Sequence[Plain]) -> Plain:
    def run(fields: Mapping[str, Json]) -> Json:
        parts = [node(fields) for node in nodes]
        try:
            return _checked("".join(parts))  # type: ignore[arg-type]  # where all are texts
        except TypeError:
            return _checked(implementation(parts))

    return run


def _function(implementation: Implementation, nodes: Sequence[Plain]) -> Plain:
    return lambda fields: _checked(implementation([node(fields) for node in nodes]))


def _operation(operator: str, nodes: Sequence[Plain]) -> Plain:
    match operator:
        case "either":
            return lambda fields: any(truth_of(node(fields)) for node in nodes)
        case "both":
            return lambda fields: all(truth_of(node(fields)) for node in nodes)
        case "negation":
            return lambda fields: not truth_of(nodes[0](fields))
        case "equal":
            return lambda fields: equal(nodes[0](fields), nodes[1](fields))
        case "unequal":
            return lambda fields: not equal(nodes[0](fields), nodes[1](fields))
        case _:
            raise _NotPlain


def _checked(value: Json) -> Json:
    if (value.__class__ is str and len(value) <= MAX_LENGTH) or value is None or isinstance(value, bool):
        return value
    raise EvaluationError("no plain value")
