"""The grammar of expressions, and what is said about a text that breaks it."""

from collections.abc import Iterable
from typing import Final

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from processors.expressions.errors import ExpressionError

MAX_LENGTH: Final = 4096  # characters

_GRAMMAR: Final = r"""
?start: either
?either: both ("||" both)*
?both: comparison ("&&" comparison)*
?comparison: prefixed
    | prefixed "==" prefixed -> equal
    | prefixed "!=" prefixed -> unequal
?prefixed: "!" prefixed -> negation
    | operand
    | STRING -> string
    | NUMBER -> number
?operand: path
    | call
    | "(" either ")"
    | (call | "(" either ")") ("." NAME)+ -> members
path: NAME ("." NAME)*
call: NAME "(" (either ("," either)*)? ")"

NAME: /[^\W\d]\w*/
NUMBER: /-?[0-9]+(\.[0-9]+)?/
STRING: /"(\\.|[^"\\\n])*"|'(\\.|[^'\\\n])*'/
%ignore /\s+/
"""

_PARSER: Final = Lark(_GRAMMAR, parser="lalr", propagate_positions=True)

_ADVICE: Final = {
    "=": "one '=' means nothing: compare with '=='",
    "&": "one '&' means nothing: 'and' is '&&'",
    "|": "one '|' means nothing: 'or' is '||'",
    "+": "there is no '+': put texts together with Append(…)",
    '"': "this text has no closing quotation mark",
    "'": "this text has no closing quotation mark",
    "[": "there are no brackets: use ArrayMap, ArrayJoin or Split on arrays",
}
# Where a text or a number may stand, so may everything else that begins a value.
_NOUNS: Final = {
    "NAME": "a name",
    "STRING": "a value",
    "NUMBER": "a value",
    "BANG": "a value",
    "LPAR": "an opening parenthesis",
    "RPAR": "')'",
    "COMMA": "','",
    "DOT": "'.'",
    "$END": "the end",
}


def parse(text: str) -> Tree[Token]:
    """Read a text.

    Raises:
        ExpressionError: it is too long, or breaks the grammar.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"an expression has at most {MAX_LENGTH} characters", 1, MAX_LENGTH + 1)
    if not text.strip():
        raise ExpressionError("the expression is empty", 1, 1)
    try:
        tree: Tree[Token] = _PARSER.parse(text)
    except UnexpectedInput as exc:
        raise _explain(exc, text) from exc
    return tree


def _explain(exc: UnexpectedInput, text: str) -> ExpressionError:
    if isinstance(exc, UnexpectedCharacters):
        reason = _ADVICE.get(exc.char, f"unexpected {exc.char!r}")
        return ExpressionError(reason, exc.line, exc.column)
    if not isinstance(exc, UnexpectedToken):  # lark's third sort is of its Earley parser
        raise TypeError(type(exc)) from exc
    expected = _expected(exc.accepts or exc.expected)
    if exc.token.type == "$END":
        line = text.count("\n") + 1
        column = len(text) - (text.rfind("\n") + 1) + 1
        return ExpressionError(f"the expression ends too early: {expected} was expected", line, column)
    return ExpressionError(f"unexpected {str(exc.token)[:20]!r}: {expected} was expected", exc.line, exc.column)


def _expected(names: Iterable[str]) -> str:
    nouns = {_NOUNS.get(name, "an operator") for name in names}
    return " or ".join(sorted(nouns - {"a name", "an opening parenthesis"} or nouns))
