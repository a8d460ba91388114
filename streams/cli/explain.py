"""`ldapflow explain`: why an account or an organization is in the directory as it is."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import orjson
import typer

from schemas.codec import open_envelope
from schemas.entries import Add, Change, Modify, Values
from schemas.errors import CommandFailed, ConfigurationError, InvalidEvent
from schemas.events import Kind, Record
from schemas.records import record_of
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, moment, one_line
from streams.explain.explanation import Explanation, document_of, texts
from streams.explain.gathering import Explainer, Knowledge, read_knowledge
from streams.explain.reasons import PAUSED, why


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(explain)


def explain(
    context: typer.Context,
    identifier: Annotated[str | None, typer.Argument(metavar="ID", help="Of an account or an organization.")] = None,
    *,
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="A record, or an event with one, instead; - is standard input.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Where both an account and an organization have the id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what is known of an entity: its state, its organizations, its entry as it should be and as it is, and why."""
    settings = invocation_of(context).settings()
    if (identifier is None) == (record is None):
        raise ConfigurationError("give an ID, or --record FILE")
    if settings.sync.target_entry_uuid is None:
        raise ConfigurationError("sync.target_entry_uuid is not recorded: run `ldapflow pin`")
    given = None if record is None else _given(record)
    if given is not None:
        identifier, kind = given.id, given.kind
    name = identifier or ""
    knowledge = read_knowledge(settings, name)
    chosen = kind or _only_kind(name, knowledge)
    explanation = asyncio.run(Explainer(settings, knowledge, chosen, given).explain(name))
    reasons = why(explanation, settings.sync.source_node, given=given is not None)
    if as_json:
        echo_json(document_of(explanation, reasons))
        return
    for line in _lines(explanation, reasons):
        typer.echo(one_line(line))


def _only_kind(identifier: str, knowledge: Knowledge) -> Kind:
    kinds = [kind for kind in Kind if kind in knowledge.states or kind in knowledge.dead_letters]
    if len(kinds) > 1:
        raise CommandFailed(f"{identifier} is an account and an organization: give --kind")
    if not kinds:
        cause = PAUSED if knowledge.paused else "no event of it was handled yet"
        raise CommandFailed(f"nothing is known of {identifier}: {cause}")
    return kinds[0]


def _given(file: str) -> Record:
    """Read a record from a file: bare, or within an event."""
    name = "standard input" if file == "-" else file
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as exc:
        raise CommandFailed(f"{name} cannot be read ({exc.strerror}): correct its name or its owner") from exc
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        # The parser's own words would quote the file.
        raise CommandFailed(f"{name} is not JSON (line {exc.lineno}, {exc.colno}): give one record") from None
    if not isinstance(document, dict):
        raise CommandFailed(f"{name} is not a JSON object: give one record")
    try:
        if "eventType" in document:
            envelope = open_envelope(data)
            return record_of(envelope.kind or Kind.ORGANIZATION, envelope.body)
        return record_of(Kind.ACCOUNT if "userId" in document else Kind.ORGANIZATION, document)
    except InvalidEvent as exc:
        raise CommandFailed(f"{name}: {exc}") from exc


def _lines(explanation: Explanation, reasons: list[str]) -> Iterator[str]:
    yield f"{explanation.kind.value} {explanation.id}"
    state = explanation.state
    if state is None:
        yield "state: none"
    else:
        reason = "" if state.reason is None else f" ({state.reason})"
        yield f"state: {state.status.value}{reason} since {moment(state.status_time)}"
    if explanation.organizations:
        steps = [step.id if step.name is None else f"{step.name} ({step.id})" for step in explanation.organizations]
        yield f"organizations: {' > '.join(steps)}"
    yield from _wanted_lines(explanation)
    yield from _entry_lines(explanation)
    for number, reason in enumerate(reasons):
        yield ("why: " if number == 0 else "     ") + reason


def _wanted_lines(explanation: Explanation) -> Iterator[str]:
    wanted, origins = explanation.wanted, explanation.value_reasons or {}
    if wanted is None:
        yield "wanted: " + ("cannot be worked out" if explanation.wanted_problem else "no entry")
        return
    place = f"{wanted.rdn}, its place is not known yet" if explanation.wanted_dn is None else str(explanation.wanted_dn)
    yield f"wanted: {place}"
    yield f"  objectClass: {', '.join(wanted.object_classes)}"
    for name, values in wanted.attributes.items():
        yield f"  {name}: {_joined(values)}  [{origins.get(name, '')}]"
    for name, values in wanted.on_create.items():
        yield f"  {name}: {_joined(values)}  [{origins.get(name, '')}; when created]"


def _entry_lines(explanation: Explanation) -> Iterator[str]:
    inspection = explanation.inspection
    if inspection is None:
        return
    if inspection.found is None:
        yield "entry: none"
    else:
        yield f"entry: {inspection.found.dn}, entryUUID {inspection.found.entry_uuid}, by {inspection.found_by}"
    for change in inspection.changes:
        yield f"difference: {change.describe()}"
        yield from _values(change)


def _values(change: Change) -> Iterator[str]:
    match change:
        case Add(_, attributes):
            for name, values in attributes.items():
                yield f"  {name}: {_joined(values)}"
        case Modify(_, changes):
            for one in changes:
                yield f"  {one.operation.name.lower()} {one.name}: {_joined(one.values)}"
        case _:
            pass


def _joined(values: Values) -> str:
    return ", ".join(texts(values)) or "(none)"
