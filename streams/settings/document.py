"""A YAML file as plain values that still know their lines.

Duplicate keys and missing environment variables are collected, not raised: whoever writes a configuration wants to see
everything that is wrong with it at once.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from schemas.errors import ConfigurationError
from streams.settings.scalars import Scalar

Path: TypeAlias = tuple[str | int, ...]

_CORE: Final = "tag:yaml.org,2002:"
_VARIABLE: Final = re.compile(r"\$(\$?)\{([^}]*)\}")
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, at its place; `column` is known where it is within a value."""

    line: int
    path: Path
    text: str
    column: int | None = None

    def __str__(self) -> str:
        """`LINE: path.to.key: what is wrong and what to do`, or `LINE:COLUMN: …`."""
        place = f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
        where = dotted(self.path)
        return f"{place}: {where}: {self.text}" if where else f"{place}: {self.text}"


def dotted(path: Path) -> str:
    """Write a path as people do: `users.mapping[2].field`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


@dataclass(slots=True)
class Document:
    """The values of a file, variables replaced.

    Attributes:
        values: dictionaries, lists and scalars; keys are always text.
        lines: the line, from 1, at which each key or list item stands.
        scalars: the values that stand in the file as they are: without variables.
        from_environment: what was written as one variable and nothing else.
        problems: duplicate keys, missing variables.
    """

    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[Path, int] = field(default_factory=dict)
    scalars: dict[Path, Scalar] = field(default_factory=dict)
    from_environment: set[Path] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest section around it that is written in the file."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def report(self, path: Path, text: str) -> None:
        """Remember a problem."""
        self.problems.append(Problem(self.line(path), path, text))

    def report_within(self, path: Path, line: int, column: int, text: str) -> None:
        """Remember a problem of one place of a value, counted from 1 within it."""
        scalar = self.scalars.get(path)
        if scalar is None:  # from a variable: the file does not show the place
            self.report(path, f"line {line}, column {column}: {text}")
            return
        line, column = scalar.place(line, column)
        self.problems.append(Problem(line, path, text, column))

    def is_faulty(self, path: Path) -> bool:
        """Whether a problem of exactly this path is known."""
        return any(problem.path == path for problem in self.problems)


def read_document(name: str, text: str, environ: Mapping[str, str]) -> Document:
    """Parse YAML and replace `${NAME}` by the environment's values (`$${NAME}` stands for a literal `${NAME}`).

    Raises:
        ConfigurationError: it is not YAML, or not a mapping; one line with the position.
    """
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        where = f"{mark.line + 1}:{mark.column + 1}" if mark else "1"
        what = " ".join(part.strip() for part in (exc.context, exc.problem) if part)
        raise ConfigurationError(
            f"{name}:{where}: not valid YAML: {what}: correct it here or in the line above"
        ) from exc
    except YAMLError as exc:
        first = str(exc).partition("\n")[0].strip()
        raise ConfigurationError(f"{name}:1: not valid YAML: {first}") from exc
    if node is None:
        raise ConfigurationError(f"{name}:1: the file is empty: write a configuration (see README)")
    if not isinstance(node, MappingNode):
        line = node.start_mark.line + 1
        raise ConfigurationError(f"{name}:{line}: expected `key: value` lines: write a configuration (see README)")
    reader = _Reader(text, environ)
    reader.document.values = reader.mapping(node, ())
    return reader.document


class _Reader:
    """Walks the nodes of one file."""

    def __init__(self, file: str, environ: Mapping[str, str]) -> None:
        self.document = Document()
        self._file = file
        self._environ = environ
        self._constructor = YAML(typ="safe", pure=True).constructor
        self._open: list[Node] = []

    def value(self, node: Node, path: Path) -> Any:
        if any(node is outer for outer in self._open):
            self.document.report(path, "this alias contains itself: write the value out")
            return None
        match node:
            case MappingNode():
                return self.mapping(node, path)
            case SequenceNode():
                return self._sequence(node, path)
            case ScalarNode():
                return self._scalar(node, path)
        raise AssertionError(node)

    def mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        self._open.append(node)
        values: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            inner = (*path, key)
            line = key_node.start_mark.line + 1
            if key in values:
                first = self.document.lines[inner]
                self.document.problems.append(
                    Problem(line, inner, f"is given twice, first in line {first}: keep one of them")
                )
                continue
            self.document.lines[inner] = line
            values[key] = self.value(value_node, inner)
        self._open.pop()
        return values

    def _sequence(self, node: SequenceNode, path: Path) -> list[Any]:
        self._open.append(node)
        items = []
        for index, item in enumerate(node.value):
            inner = (*path, index)
            self.document.lines[inner] = item.start_mark.line + 1
            items.append(self.value(item, inner))
        self._open.pop()
        return items

    def _scalar(self, node: ScalarNode, path: Path) -> Any:
        text = str(node.value)
        if "${" in text:
            return self._substituted(text, path)
        self.document.scalars[path] = Scalar.of(node, self._file)
        kind = str(node.tag).removeprefix(_CORE)
        if kind in {"int", "float", "bool", "null"}:
            try:
                return self._constructor.construct_object(node)
            except (ValueError, YAMLError):
                self.document.report(path, f"is not of the type that its tag says ({kind}): take the tag away")
        return text

    def _substituted(self, text: str, path: Path) -> str:
        whole = _VARIABLE.fullmatch(text)
        if whole and not whole[1]:
            self.document.from_environment.add(path)

        def replace(match: re.Match[str]) -> str:
            escaped, name = match.groups()
            if escaped:
                return match[0][1:]
            if not _VARIABLE_NAME.fullmatch(name):
                problem = (
                    "`${…}` must hold the name of an environment variable: write `$${…}` where it is meant as text"
                )
                self.document.problems.append(Problem(self.document.line(path), path, problem))
            elif name not in self._environ:
                self.document.report(path, f"the environment variable {name} is not set: set it")
            return self._environ.get(name, "")

        return _VARIABLE.sub(replace, text)
