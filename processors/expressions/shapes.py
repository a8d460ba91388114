"""What sort of value an expression gives, as far as its text says so."""

from typing import Final

from lark import Token, Tree

from processors.expressions.grammar import parse

_ARRAYS: Final = frozenset({"ArrayMap", "Split"})
_CHOICES: Final = frozenset({"Coalesce", "IIF"})  # what they give is one of their arguments
_ARRAY_FIELD: Final = ("organization", "path")


def gives_array(text: str) -> bool:
    """Say whether an expression gives an array, or may: of fields of the record nothing is known.

    Raises:
        ExpressionError: the text is no expression.
    """
    return _gives_array(parse(text))


def _gives_array(tree: Tree[Token]) -> bool:
    if tree.data == "path":
        return tuple(map(str, tree.children)) == _ARRAY_FIELD
    if tree.data != "call":
        return False
    name, *arguments = tree.children
    if name == "IIF":
        del arguments[:1]
    if name in _CHOICES:
        return any(_gives_array(argument) for argument in arguments if isinstance(argument, Tree))
    return name in _ARRAYS
