"""docs/mapping.md, executed: its configurations are loaded, its records become the entries that it shows.

A section's fenced blocks are done in their order: `yaml` is added to a small configuration, `ldif before` is put into
the directory, `json` is a record that comes. After records, `ldif` is all that is below the target then, and `text` is
the dead letter of the last one; without records, `text` is what is said about the configuration. The rows of the table
of functions are evaluated for the record above it.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
import pytest

from ldap_sink.outcomes import Applied
from processors.expressions import EvaluationError, compile_expression
from processors.placement import Placed, names_along, place
from processors.wanted import EntryRules
from schemas.dn import DN
from schemas.errors import ConfigurationError, Permanent
from schemas.events import Json, Kind, Record
from schemas.records import record_of
from schemas.states import Binding, State, Status
from streams.sandbox.slapd import Slapd
from streams.settings import load_settings
from streams.settings.entry_rules import entry_rules
from streams.worker.applying.attempt import Attempt
from streams.worker.applying.naming import Names
from tests.support.configuration import ENVIRONMENT, SMALLEST
from tests.support.directory_dump import Tree
from tests.support.sink import Bench, open_bench, write

TEXT: Final = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
_BLOCK: Final = re.compile(r"^```(.+)\n((?s:.*?))^```$", re.MULTILINE)
_TABLE: Final = "| expression | gives |\n"
_TARGET: Final = "ou=company,dc=example,dc=com"

Attributes: TypeAlias = dict[str, list[bytes]]


class Block(NamedTuple):
    """A fenced block: the words behind its fence, and what it holds."""

    sort: str
    text: str


def sections() -> dict[str, list[Block]]:
    """The blocks below each heading that has something to execute."""
    found: dict[str, list[Block]] = {}
    for section in re.split(r"^#{2,3} ", TEXT, flags=re.MULTILINE):
        heading = section.partition("\n")[0]
        blocks = [Block(*match.groups()) for match in _BLOCK.finditer(section)]
        if any(block.sort in {"ldif", "text"} for block in blocks):
            found[heading] = blocks
    return found


def entries(ldif: str) -> Iterator[tuple[str, Attributes]]:
    """DN and attributes of each entry."""
    for entry in ldif.strip().split("\n\n"):
        (_, dn), *lines = (re.split(r":: ?|: ", line, maxsplit=1) for line in entry.splitlines())
        attributes: Attributes = {}
        for (name, value), line in zip(lines, entry.splitlines()[1:], strict=True):
            octets = base64.b64decode(value) if line.startswith(f"{name}::") else value.encode()
            attributes.setdefault(name, []).append(octets)
        yield dn, attributes


@dataclass
class Installation:
    """A configuration and what has come by now; the test plays the worker."""

    bench: Bench
    file: Path
    text: str = SMALLEST
    incoming: list[str] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    bindings: dict[str, Binding] = field(default_factory=dict)

    async def execute(self, block: Block) -> None:
        """Do what a block says, or compare with it."""
        match block.sort:
            case "yaml":
                self.text = SMALLEST + block.text
            case "ldif before":
                self.prepare(block.text)
            case "json":
                self.incoming.append(block.text)
            case "ldif":
                await self.all_come()
                assert self.tree() == {dn: _sorted(attributes) for dn, attributes in entries(block.text)}
                assert await self.all_come() == []
                self.incoming.clear()
            case "text" if self.incoming:
                with pytest.raises(Permanent) as raised:
                    await self.all_come()
                assert str(raised.value) == block.text.strip()
                self.incoming.clear()
            case "text":
                assert self.problems() == block.text.splitlines()

    def problems(self) -> list[str]:
        """What is said about the configuration."""
        with pytest.raises(ConfigurationError) as caught:
            self.rules()
        return [problem.removeprefix(f"{self.file.parent}/") for problem in caught.value.problems]

    def rules(self) -> Mapping[Kind, EntryRules]:
        """What the configuration makes of records."""
        self.file.write_text(self.text)
        return entry_rules(load_settings(self.file, ENVIRONMENT))

    def prepare(self, ldif: str) -> None:
        """Put entries into the directory behind the sink's back."""
        for dn, attributes in entries(ldif):
            name = dn.replace(_TARGET, str(self.bench.target))
            write(self.bench.slapd, partial(_add, name, attributes))

    async def all_come(self) -> list[str]:
        """Do what a worker does with the records; returns the changes that were made."""
        return [change for text in self.incoming for change in await self.come(text)]

    async def come(self, text: str) -> list[str]:
        """Do it with one."""
        document = orjson.loads(text)
        record = record_of(Kind.ACCOUNT if "userId" in document else Kind.ORGANIZATION, document)
        placement = place(record, self.node, "ou_root")
        assert isinstance(placement, Placed)
        subschema = await self.bench.directory.subschema()
        rules = self.rules()[record.kind]
        rules = replace(rules, required=frozenset(subschema.required(rules.object_classes)))
        bound = self.bindings.get(record.id)
        present = None if bound is None else bound.rdn
        wanted = rules.wanted(record, present, path_names=names_along(placement.path, self.records.get))
        parent_id = placement.parent_id
        parent = self.bench.target if parent_id is None else DN.parse(self.bindings[parent_id].dn)
        state = State(record, 1, 1, 1, Status.WAITING, 1, (1, 1), binding=bound)
        attempt = Attempt(record.kind, record.id, state, _written_down)
        outcome = await Names(self.bench.sink, {record.kind: rules}).apply(attempt, wanted, parent)
        assert isinstance(outcome, Applied), outcome
        self.bench.holders[outcome.binding.entry_uuid] = attempt.subject
        self.records[record.id], self.bindings[record.id] = record, outcome.binding
        return [change.describe() for change in outcome.changes]

    def node(self, identifier: str) -> "Node | None":
        """An organization, as placement walks them."""
        record = self.records.get(identifier)
        return None if record is None else Node(record.parent_id)

    def tree(self) -> Tree:
        """All that is below the target, as the document writes it; the order of values says nothing."""
        return {f"{dn},{_TARGET}": _sorted(entry) for dn, entry in self.bench.tree().items()}


async def _written_down(state: State) -> State:
    return state


def _add(dn: str, attributes: Attributes, admin: Any) -> None:
    admin.add(dn, attributes=attributes)


def _sorted(attributes: Attributes) -> Attributes:
    return {name: sorted(values) for name, values in attributes.items()}


@dataclass(frozen=True)
class Node:
    """An organization that has its entry."""

    parent_id: str | None
    is_deleted: bool = False
    is_bound: bool = True


@pytest.mark.parametrize("heading", list(sections()))
async def test_an_example_does_what_it_shows(heading: str, slapd: Slapd, tmp_path: Path) -> None:
    """Readers copy them; applied once more, each record changes nothing."""
    async with open_bench(slapd) as bench:
        installation = Installation(bench, tmp_path / "ldapflow.yaml")
        for block in sections()[heading]:
            await installation.execute(block)
        assert not installation.incoming


def function_table() -> Iterator[tuple[str, str]]:
    """The expressions of the table and what they give."""
    for line in TEXT.partition(_TABLE)[2].partition("\n\n")[0].splitlines():
        if match := re.fullmatch(r"\| `(.+)` \| (`.+`|error: .+) \|", line):
            yield match[1].replace(r"\|", "|"), match[2].strip("`")


def table_record() -> Json:
    """The account of the table."""
    above = TEXT.partition(_TABLE)[0]
    *_, block = (Block(*match.groups()) for match in _BLOCK.finditer(above))
    return dict(record_of(Kind.ACCOUNT, orjson.loads(block.text)).fields)


@pytest.mark.parametrize(("text", "expected"), list(function_table()))
def test_an_expression_gives_what_the_table_says(text: str, expected: str) -> None:
    """Its edges too."""
    expression = compile_expression(text, root="user")
    if expected.startswith("error: "):
        with pytest.raises(EvaluationError) as raised:
            expression.evaluate({"user": table_record()})
        assert str(raised.value).removeprefix(f"{text.partition('(')[0]}: ") == expected.removeprefix("error: ")
    else:
        assert expression.evaluate({"user": table_record()}) == orjson.loads(expected)


def test_the_document_is_read() -> None:
    """What the patterns above find; else a change of form would let the tests pass on nothing."""
    assert (len(sections()), len(list(function_table()))) == (9, 60)
