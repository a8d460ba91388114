"""`ldapflow dead-letters`: what could never succeed, and what is done about it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import orjson
import typer

from schemas.control import DeadLetterHandled
from schemas.errors import CommandFailed, ConfigurationError, DeadLetterReason
from schemas.events import Kind
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, echo_table, moment, one_line
from streams.control import decide, view_of
from streams.dead_letter_log import DeadLetter, read_dead_letters
from streams.kafka import MessageReader, Publisher, read_to_end
from streams.retrying import Gone, NothingLeft, Retry, carry_out, kind_of, last_failures, retry_of
from streams.settings import Settings
from streams.showing import shown_value
from streams.snapshot import read_states

_SHOWN_DETAIL: Final = 100

Places = Annotated[
    list[str] | None, typer.Argument(metavar="OFFSET", help="Dead letters: OFFSET, or PARTITION:OFFSET as listed.")
]
Reason = Annotated[DeadLetterReason | None, typer.Option(help="Only those with this reason.")]
Key = Annotated[str | None, typer.Option(metavar="ID", help="Only those of this account or organization.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Everything = Annotated[bool, typer.Option("--all", help="All that were neither retried nor discarded.")]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(no_args_is_help=True, help="Events that could never succeed.", rich_markup_mode=None)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("retry")(retry)
    group.command("discard")(discard)
    app.add_typer(group, name="dead-letters")


@dataclass(frozen=True, slots=True)
class _Box:
    """All dead letters, and what was done about them."""

    letters: Sequence[DeadLetter]
    handled: dict[tuple[int, int], DeadLetterHandled]

    @classmethod
    def read(cls, settings: Settings) -> "_Box":
        letters = read_dead_letters(settings)
        return cls(letters, view_of(read_to_end(settings, [settings.topics.control])).handled_dead_letters)

    def what_was_done(self, letter: DeadLetter) -> str | None:
        handled = self.handled.get((letter.partition, letter.offset))
        return None if handled is None else "retried" if handled.retried else "discarded"

    def filtered(self, reason: DeadLetterReason | None, key: str | None, *, handled_too: bool) -> list[DeadLetter]:
        return [
            letter
            for letter in self.letters
            if (reason is None or letter.reason == reason)
            and (key is None or letter.identifier == key)
            and (handled_too or self.what_was_done(letter) is None)
        ]

    def named(self, names: Sequence[str]) -> list[DeadLetter]:
        by_place = {(letter.partition, letter.offset): letter for letter in self.letters}
        places = {name: _place(name) for name in names}
        unknown = [name for name, place in places.items() if place not in by_place]
        if unknown:
            raise CommandFailed(f"no such dead letter: {', '.join(unknown)}: see `ldapflow dead-letters list --all`")
        return [by_place[place] for place in dict.fromkeys(places.values())]


def list_(
    context: typer.Context,
    *,
    reason: Reason = None,
    key: Key = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were retried or discarded.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the dead letters that were neither retried nor discarded."""
    box = _Box.read(invocation_of(context).settings())
    letters = box.filtered(reason, key, handled_too=everything)
    if as_json:
        echo_json([_document(letter, box.what_was_done(letter)) for letter in letters])
    elif not letters:
        typer.echo("no dead letters")
    else:
        heading = ("OFFSET", "TIME", "REASON", "TRY", "ID", "DONE", "DETAIL")
        echo_table([heading, *(_row(letter, box.what_was_done(letter)) for letter in letters)])


def show(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="OFFSET", help="OFFSET, or PARTITION:OFFSET as listed.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one dead letter: its headers and its event without secrets, read where it lies while it is retained."""
    settings = invocation_of(context).settings()
    box = _Box.read(settings)
    (letter,) = box.named([place])
    with MessageReader(settings) as reader:
        original = None
        if kind_of(letter, settings) is not None:
            original = reader.read(letter.topic, letter.original_partition, letter.original_offset)
    if original is not None and (original.key or b"") != letter.key:
        original = None  # the topic was made anew
    value = shown_value(original.value if original is not None and letter.value is None else letter.value)
    if as_json:
        document = _document(letter, box.what_was_done(letter))
        echo_json({**document, "headers": dict(letter.headers), "retained": original is not None, "value": value})
        return
    typer.echo(f"dead letter {letter.place}" + _note(box.what_was_done(letter)))
    typer.echo(f"of {one_line(letter.identifier)}, {moment(letter.time)}")
    typer.echo(f"event: {letter.origin}, " + ("retained" if original is not None else "not retained any more"))
    for name, text in letter.headers:
        typer.echo(f"{one_line(name)}: {one_line(text)}")
    typer.echo(one_line(value) if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def retry(
    context: typer.Context,
    places: Places = None,
    *,
    everything: Everything = False,
    reason: Reason = None,
    key: Key = None,
) -> None:
    """Have dead letters tried again: the state where that one failed, else the event once more, where it lay."""
    settings = invocation_of(context).settings()
    box = _Box.read(settings)
    letters = _chosen(box, places, reason, key, everything=everything)
    if not letters:
        typer.echo("no dead letters")
        return
    retries = _retries(settings, box, letters)
    gone = asyncio.run(_retry(settings, retries))
    if gone:
        raise CommandFailed(
            f"{', '.join(letter.place for letter in gone)}: the event is not retained any more:"
            " a full push (`ldapflow publish --push`) brings it again"
        )


def discard(
    context: typer.Context,
    places: Places = None,
    *,
    everything: Everything = False,
    reason: Reason = None,
    key: Key = None,
) -> None:
    """Have lists hide dead letters: nothing is done about them any more."""
    settings = invocation_of(context).settings()
    box = _Box.read(settings)
    letters = _chosen(box, places, reason, key, everything=everything)
    asyncio.run(_discard(settings, letters))
    typer.echo(f"discarded {len(letters)}" if letters else "no dead letters")


def _chosen(
    box: _Box, places: Sequence[str] | None, reason: DeadLetterReason | None, key: str | None, *, everything: bool
) -> list[DeadLetter]:
    if bool(places) == everything or (places and (reason or key)):
        raise ConfigurationError("give OFFSET…, or --all, which goes with --reason and --key")
    return box.named(places) if places else box.filtered(reason, key, handled_too=False)


def _retries(settings: Settings, box: _Box, letters: Sequence[DeadLetter]) -> list[tuple[DeadLetter, Retry]]:
    last = last_failures(box.letters)
    wanted = {(kind, letter.identifier) for letter in letters if (kind := kind_of(letter, settings)) is not None}
    states = read_states(settings, lambda kind, identifier: (kind, identifier) in wanted) if wanted else {}
    retries: list[tuple[DeadLetter, Retry]] = []
    with MessageReader(settings) as reader:
        for letter in letters:
            kind = kind_of(letter, settings)
            if kind is None:
                retries.append((letter, Gone()))
                continue
            original = reader.read(letter.topic, letter.original_partition, letter.original_offset)
            newest = last[letter.topic, letter.key] == letter.original_offset
            stored = states.get((Kind(kind), letter.identifier))
            retries.append((letter, retry_of(letter, stored, original, newest=newest)))
    return retries


async def _retry(settings: Settings, retries: Sequence[tuple[DeadLetter, Retry]]) -> list[DeadLetter]:
    """Carry them out; returns those whose event is gone."""
    gone: list[DeadLetter] = []
    async with Publisher(settings) as publisher:
        for letter, chosen in retries:
            match chosen:
                case Gone():
                    gone.append(letter)
                    continue
                case NothingLeft():
                    done = "nothing is left to do: its state is not dead-lettered any more"
                case _:
                    done = await carry_out(chosen, publisher, settings)
            await decide(publisher, settings, DeadLetterHandled(letter.partition, letter.offset, retried=True))
            typer.echo(f"{letter.place} {one_line(letter.identifier)}: {done}")
    return gone


async def _discard(settings: Settings, letters: Sequence[DeadLetter]) -> None:
    async with Publisher(settings) as publisher:
        for letter in letters:
            await decide(publisher, settings, DeadLetterHandled(letter.partition, letter.offset, retried=False))


def _place(name: str) -> tuple[int, int]:
    """Read OFFSET or PARTITION:OFFSET; the topic has one partition."""
    partition, _, offset = name.rpartition(":")
    if not offset.isdecimal() or not (partition or "0").isdecimal():
        raise ConfigurationError(f"{name!r} is no place of a dead letter: give OFFSET or PARTITION:OFFSET")
    return int(partition or "0"), int(offset)


def _document(letter: DeadLetter, done: str | None) -> dict[str, Any]:
    return {
        "partition": letter.partition,
        "offset": letter.offset,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "originalPartition": letter.original_partition,
        "originalOffset": letter.original_offset,
        "time": letter.time,
        "attempt": letter.attempt,
        "key": letter.identifier,
        "done": done,
    }


def _row(letter: DeadLetter, done: str | None) -> tuple[str, ...]:
    detail = one_line(letter.detail)
    if len(detail) > _SHOWN_DETAIL:
        detail = detail[: _SHOWN_DETAIL - 1] + "…"
    times, key = str(letter.attempt), one_line(letter.identifier)
    return (letter.place, moment(letter.time), letter.reason, times, key, done or "-", detail)


def _note(done: str | None) -> str:
    return "" if done is None else f" ({done})"
