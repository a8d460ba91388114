"""From the text of an expression to something that can be evaluated."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from lark import Token, Tree

from processors.expressions import evaluation as nodes
from processors.expressions.errors import EvaluationError, ExpressionError
from processors.expressions.evaluation import CUSTOM_FIELD_MAP, Evaluation, Node
from processors.expressions.functions import FUNCTIONS
from processors.expressions.grammar import parse
from processors.expressions.values import check_length, check_size, equal, size_of
from schemas.events import Json
from schemas.secrets import is_secret

ORGANIZATION_PATH: Final = "organization.path"
"""No field of the record: the names from below the source node down to the organization's own, an array."""

MAX_DEPTH: Final = 50
_MOST_DIGITS: Final = 16  # as many as JSON numbers carry without loss

# IDaaS calls the account `idpUser` where it comes from an identity provider.
_ROOTS: Final = {"user": "user", "idpUser": "user", "idpuser": "user", "organization": "organization"}
_LITERALS: Final[Mapping[str, Json]] = {"true": True, "false": False, "null": None}
_ITEM: Final = "__item"
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\\": "\\", "/": "/", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression.

    Attributes:
        text: what was compiled.
        fields: the dotted paths that it reads, each from its root (`user.displayName`).
    """

    text: str
    fields: frozenset[str]
    _run: Node = field(repr=False, compare=False)

    def evaluate(self, scope: Mapping[str, Json]) -> Json:
        """Work it out.

        Args:
            scope: the record under the name of its root, `user` or `organization`; and what `organization.path` is.

        Raises:
            EvaluationError: a value has the wrong type, or the result is too large.
        """
        try:
            result = self._run(Evaluation(scope))
            check_length(len(result) if isinstance(result, list) else 0)
            check_size(size_of(result))
        except RecursionError as exc:
            raise EvaluationError("the record is nested too deeply") from exc
        return result


def compile_expression(text: str, *, root: str | None = None) -> Expression:
    """Compile a text.

    Args:
        text: the expression.
        root: the one record it may read, `user` or `organization`; None for either.

    Raises:
        ExpressionError: the first mistake, with its place.
    """
    compiler = _Compiler(root)
    run = compiler.node(parse(text), 1)
    return Expression(text, frozenset(compiler.fields), run)


class _Compiler:
    def __init__(self, root: str | None) -> None:
        self.fields: set[str] = set()
        self._root = root
        self._maps = 0  # how many ArrayMaps are around

    def node(self, tree: Tree[Token], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise _fault(f"more than {MAX_DEPTH} levels are nested", tree)
        match tree.data:
            case "string":
                return nodes.literal(_unescape(_token(tree)))
            case "number":
                return nodes.literal(_number(_token(tree)))
            case "path":
                return self._path(list(_tokens(tree)))
            case "members":
                return self._members(self.node(next(_trees(tree)), depth + 1), list(_tokens(tree)))
            case "call":
                return self._call(tree, depth)
            case _:
                return _OPERATORS[tree.data]([self.node(child, depth + 1) for child in _trees(tree)])

    def _path(self, names: Sequence[Token]) -> Node:
        first, *others = names
        if first in _LITERALS:
            if others:
                raise _fault(f"{first} has no members", others[0])
            return nodes.literal(_LITERALS[first])
        if first == _ITEM:
            if not self._maps:
                raise _fault("__item stands for an item within ArrayMap only", first)
            return self._members(nodes.item, others)
        record = self._record(first)
        self.fields.add(".".join((record, *others)))
        if others and f"{record}.{others[0]}" == ORGANIZATION_PATH:
            if others[1:]:
                raise _fault(f"{ORGANIZATION_PATH} is an array of names: use ArrayJoin or ArrayMap", others[1])
            return nodes.root(ORGANIZATION_PATH)
        node = nodes.root(record)
        if others and others[0] == CUSTOM_FIELD_MAP:
            node, others = nodes.custom_field_map(node), others[1:]
        return self._members(node, others)

    def _record(self, name: Token) -> str:
        if name in FUNCTIONS:
            raise _fault(f"{name} is a function: {FUNCTIONS[name].usage}", name)
        record = _ROOTS.get(name)
        known = [root for root in ("user", "organization") if self._root in {None, root}]
        if record not in known:
            raise _fault(
                f"there is no {str(name)!r} here: fields begin with {' or '.join(f'{it}.' for it in known)}", name
            )
        return record

    def _members(self, node: Node, names: Sequence[Token]) -> Node:
        for name in names:
            if is_secret(name):
                raise _fault(f"{str(name)!r} is a secret: passwords are written by the setting sync.passwords", name)
            node = nodes.member(node, str(name))
        return node

    def _call(self, tree: Tree[Token], depth: int) -> Node:
        name = _token(tree)
        function = FUNCTIONS.get(name)
        if function is None:
            raise _fault(f"there is no function {str(name)!r}{_nearest(name)}", name)
        arguments = list(_trees(tree))
        if len(arguments) < function.least or (function.most is not None and len(arguments) > function.most):
            raise _fault(f"{function.usage} got {len(arguments)} argument{'s' * (len(arguments) != 1)}", name)
        if name == "ArrayMap":
            array = self.node(arguments[0], depth + 1)
            self._maps += 1
            body = self.node(arguments[1], depth + 1)
            self._maps -= 1
            return nodes.array_map(array, body)
        compiled = [self.node(argument, depth + 1) for argument in arguments]
        if function.run is not None:
            return nodes.call(name, function.run, compiled)
        return nodes.iif(*compiled) if name == "IIF" else nodes.coalesce(compiled)


_OPERATORS: Final[Mapping[str, Callable[[Sequence[Node]], Node]]] = {
    "either": nodes.either,
    "both": nodes.both,
    "negation": lambda operands: nodes.negation(operands[0]),
    "equal": lambda operands: lambda evaluation: equal(operands[0](evaluation), operands[1](evaluation)),
    "unequal": lambda operands: lambda evaluation: not equal(operands[0](evaluation), operands[1](evaluation)),
}


def _nearest(name: str) -> str:
    by_lower = {known.lower(): known for known in FUNCTIONS}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
    return f": did you mean {by_lower[found[0]]}?" if found else f"; there are {', '.join(FUNCTIONS)}"


def _number(token: Token) -> int | float:
    if len(token) > _MOST_DIGITS:
        raise _fault(f"a number has at most {_MOST_DIGITS} characters", token)
    return float(token) if "." in token else int(token)


def _unescape(token: Token) -> str:
    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] in _ESCAPED:
            return _ESCAPED[found[2]]
        raise _fault(rf"\{found[2]} stands for nothing: a backslash is written \\", token, found.start() + 1)

    text = _ESCAPE.sub(replaced, token[1:-1])
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")  # puts pairs like \ud83d\ude00 together
    except UnicodeDecodeError as exc:
        raise _fault("half a surrogate pair is no character", token) from exc


def _trees(tree: Tree[Token]) -> Iterator[Tree[Token]]:
    return (child for child in tree.children if isinstance(child, Tree))


def _tokens(tree: Tree[Token]) -> Iterator[Token]:
    return (child for child in tree.children if isinstance(child, Token))


def _token(tree: Tree[Token]) -> Token:
    return next(_tokens(tree))


def _fault(reason: str, at: Token | Tree[Token], offset: int = 0) -> ExpressionError:
    line, column = (at.line, at.column) if isinstance(at, Token) else (at.meta.line, at.meta.column)
    return ExpressionError(reason, line or 1, (column or 1) + offset)
