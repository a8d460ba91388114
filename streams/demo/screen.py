"""What the demo says, and how: colours and a spinner on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from schemas.dn import DN, PreparedDN
from schemas.entries import FoundEntry

_NAMED: Final = 3
_ONE_LINE: Final = 1000  # columns


@dataclass(slots=True)
class Step:
    """Something that takes time; `done` is what is said of it afterwards."""

    done: str


class Screen:
    """Standard output."""

    def __init__(self) -> None:
        self._console = Console(markup=False, highlight=False, emoji=False, soft_wrap=True)

    @contextmanager
    def step(self, doing: str) -> Iterator[Step]:
        """Show what is being done, and then what was done and how long it took."""
        step = Step(doing)
        start = time.monotonic()
        with self._console.status(Text(doing)) if self._console.is_terminal else nullcontext():
            yield step
        self.say(("✓ ", "green"), step.done, (f"  {time.monotonic() - start:.1f} s", "dim"))

    def title(self, text: str) -> None:
        """Begin a chapter."""
        self.say()
        self.say((text, "bold"))

    def say(self, *parts: str | tuple[str, str]) -> None:
        """Write one line; a part may have a style."""
        self._console.print(Text.assemble(*parts))

    def rows(self, *rows: tuple[str, str]) -> None:
        """Write names with their values below each other."""
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.say((f"  {name:{width}}  ", "dim"), value)

    def tree(self, target: DN, entries: Mapping[PreparedDN, FoundEntry]) -> None:
        """Show every organization, and some of its people."""
        below: dict[PreparedDN, list[FoundEntry]] = {}
        for entry in entries.values():
            below.setdefault(entry.dn.parent.prepared(), []).append(entry)
        # Long lines are folded to fit a terminal; elsewhere a line is a line.
        width = None if self._console.is_terminal else _ONE_LINE
        self._console.print(_branch(Text(str(target)), target, below), soft_wrap=False, width=width)


def _branch(label: Text, dn: DN, below: Mapping[PreparedDN, list[FoundEntry]]) -> Tree:
    entries = sorted(below.get(dn.prepared(), ()), key=lambda entry: str(entry.dn.rdn))
    organizations = [entry for entry in entries if _is_organization(entry)]
    people = [entry for entry in entries if not _is_organization(entry)]
    if people:
        label.append(f"  {len(people)} people", style="dim")
    tree = Tree(label)
    if people:
        tree.add(Text(_some(people), style="dim"))
    for organization in organizations:
        name = Text(str(organization.dn.rdn), style="bold")
        tree.children.append(_branch(name, organization.dn, below))
    return tree


def _is_organization(entry: FoundEntry) -> bool:
    return entry.dn.rdn.avas[0].attribute.lower() == "ou"


def _some(people: Sequence[FoundEntry]) -> str:
    named = [f"{entry.dn.rdn} ({entry.attributes.get('displayname', (b'',))[0].decode()})" for entry in people[:_NAMED]]
    more = len(people) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
