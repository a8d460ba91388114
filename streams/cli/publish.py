"""`ldapflow publish`: events from files to Kafka."""

import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, BinaryIO, Final, cast

import typer

from schemas.errors import CommandFailed, ConfigurationError
from schemas.events import Kind
from streams.cli.invocation import invocation_of
from streams.cli.progress import progress
from streams.interruption import Interruption
from streams.kafka import Cluster, Message, publish_all
from streams.publishing import Router, Survey, messages_of, taken_at
from streams.settings import Settings

_STDIN: Final = "-"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(publish)


def publish(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE", help="JSON Lines of events (with --push, of records too); - is standard input."),
    ] = None,
    *,
    push: Annotated[bool, typer.Option("--push", help="The events are a full push: everything there is.")] = False,
    taken: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="With --push: when the export began, as 2026-11-24T01:00:00Z or in milliseconds; whoever is heard of"
            " later stays. Without it: when the oldest file was written.",
        ),
    ] = None,
) -> None:
    """Publish events, each to its topic. All lines are checked first; if one is wrong, nothing is published."""
    settings = invocation_of(context).settings()
    push_id = f"push-{uuid.uuid4().hex}" if push else None
    now = _milliseconds(time.time_ns())
    if taken is not None and not push:
        raise ConfigurationError("--taken says when a full push was taken: add --push")
    said = None if taken is None else taken_at(taken, now)
    with ExitStack() as stack:
        opened = [(_name(file), stack.enter_context(_open(file))) for file in files or [_STDIN]]
        began = _taken(opened, now) if said is None else said
        router = Router(settings.topics, settings.max_event_bytes, now, push_id, began)
        survey = _survey(opened, router)
        _check_topics(settings)
        start = time.monotonic()
        count = _publish(settings, opened, router, survey, push_id)
        seconds = time.monotonic() - start
    events = "event" if count == 1 else "events"
    typer.echo(
        f"published {count} {events} ({survey.events[Kind.ORGANIZATION]} of organizations, "
        f"{survey.events[Kind.ACCOUNT]} of accounts) in {seconds:.1f} s, {count / max(seconds, 0.001):.0f} events/s"
        + (f", as the full push {push_id}" if push else "")
    )


def _taken(opened: Sequence[tuple[str, BinaryIO]], now: int) -> int:
    """Since when the records may be out of date: the age of the oldest file; for a stream, when we began to read."""
    return max(1, min(now, *(_milliseconds(os.fstat(file.fileno()).st_mtime_ns) for _, file in opened)))


def _milliseconds(nanoseconds: int) -> int:
    return nanoseconds // 1_000_000


def _publish(
    settings: Settings, opened: Sequence[tuple[str, BinaryIO]], router: Router, survey: Survey, push_id: str | None
) -> int:
    """Publish everything; Ctrl-C ends it between two messages.

    In the middle of librdkafka's work it would come out of a callback: confluent-kafka makes a `SystemError` of that.
    """
    interruption, arrived = Interruption(), 0
    again = "publishing them again does no harm"
    if push_id is not None:
        again = f"the full push {push_id} is incomplete, so nothing is deleted because of it: publish it again"

    def check(_: int) -> None:
        interruption.check()

    def send_mark(*, begins: bool) -> None:
        if push_id is not None:
            publish_all(settings, [_mark(router, survey, begins=begins)], check)

    with interruption.watched():
        try:
            with progress("published", survey.total) as show:

                def advance(count: int) -> None:
                    nonlocal arrived
                    arrived = count
                    show(count)
                    interruption.check()

                send_mark(begins=True)
                publish_all(settings, _messages(opened, router), advance)
                send_mark(begins=False)  # only now: Kafka has every record
        except CommandFailed as exc:
            raise CommandFailed(f"{exc}; {again}" if push_id else str(exc)) from exc
        except KeyboardInterrupt:
            typer.echo(f"interrupted: at least {arrived} of {survey.total} events were published; {again}", err=True)
            raise
    return arrived


def _survey(opened: Sequence[tuple[str, BinaryIO]], router: Router) -> Survey:
    survey = Survey()
    with progress("checked", None) as show:
        for name, file in opened:
            survey.add(name, file, router, show)
    survey.raise_if_wrong()
    return survey


def _messages(opened: Sequence[tuple[str, BinaryIO]], router: Router) -> Iterator[Message]:
    for name, file in opened:
        file.seek(0)
        yield from messages_of(name, file, router)


def _mark(router: Router, survey: Survey, *, begins: bool) -> Message:
    organizations, accounts = (len(survey.subjects[kind]) for kind in (Kind.ORGANIZATION, Kind.ACCOUNT))
    return router.mark(begins=begins, organizations=organizations, accounts=accounts)


def _check_topics(settings: Settings) -> None:
    with Cluster(settings) as cluster:
        there = cluster.partition_counts()
    topics = (settings.topics.organization_events, settings.topics.account_events)
    missing = [name for name in topics if name not in there]
    if missing:
        raise CommandFailed(f"Kafka has no topic {', '.join(missing)}: run `ldapflow topics create`")


def _name(file: str) -> str:
    return "standard input" if file == _STDIN else file


def _open(file: str) -> BinaryIO:
    """Open a file that can be read twice: what is a stream is kept in a nameless file meanwhile."""
    try:
        if file == _STDIN:
            return _spooled(sys.stdin.buffer)
        source = Path(file).open("rb")  # noqa: SIM115 - closed by the caller's stack
        if source.seekable():
            return source
        with source:
            return _spooled(source)
    except OSError as exc:
        raise CommandFailed(f"{_name(file)} cannot be read ({exc.strerror}): correct its name or its owner") from exc


def _spooled(source: BinaryIO) -> BinaryIO:
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the caller's stack
    shutil.copyfileobj(source, spool)
    spool.seek(0)
    return cast("BinaryIO", spool)
