"""Where in the file a character of a value stands: YAML quotes, folds and indents what it holds (YAML 1.2)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from ruamel.yaml.nodes import ScalarNode

# A character of the value as each style writes it; white space is left out, because folding makes and unmakes it.
_WRITTEN: Final = {
    "'": re.compile(r"''|\S"),
    '"': re.compile(r"\\(?:x..|u.{4}|U.{8}|.)|\S", re.DOTALL),
}
_PLAIN: Final = re.compile(r"\S")
_WHITE: Final = re.compile(r"\\[\sntrvfNLP_]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value as it is written.

    Attributes:
        value: what YAML reads.
        style: `'`, `"`, `|`, `>`, or "" for none.
        written: from its first quote or mark to its end.
        line: of its beginning, from 1.
        column: of its beginning, from 1.
    """

    value: str = field(repr=False)  # a secret may stand where it must not
    style: str
    written: str = field(repr=False)
    line: int
    column: int

    @classmethod
    def of(cls, node: ScalarNode, file: str) -> Self:
        """Take a value out of its file."""
        start, end = node.start_mark, node.end_mark
        return cls(str(node.value), node.style or "", file[start.index : end.index], start.line + 1, start.column + 1)

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Find a place of the value in the file: line and column of both are counted from 1."""
        before = sum(len(above) + 1 for above in self.value.split("\n")[: line - 1]) + column - 1
        count = len("".join(self.value[:before].split()))
        offset = end = self._begin()
        for found, at in enumerate(self._characters()):
            offset, end = at.span()
            if found == count:
                break
        else:
            offset = end  # after the last one
        above = self.written[:offset]
        lines = above.count("\n")
        return self.line + lines, offset - above.rfind("\n") if lines else self.column + offset

    def _begin(self) -> int:
        """Where the characters begin: after the quote, or below the line with the mark."""
        if self.style in _WRITTEN:
            return 1
        return self.written.index("\n") + 1 if self.style and "\n" in self.written else 0

    def _characters(self) -> Iterator[re.Match[str]]:
        end = len(self.written) - (self.style in _WRITTEN)
        found = _WRITTEN.get(self.style, _PLAIN).finditer(self.written, self._begin(), end)
        return (at for at in found if not _WHITE.fullmatch(at[0]))
