"""`ldapflow check`: proves everything that a run needs."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from typing import Annotated, Final

import typer

from streams.checking.findings import Line, Verdict
from streams.checking.plan import check_everything
from streams.cli.invocation import Invocation, invocation_of
from streams.cli.output import echo_json, one_line
from streams.cli.progress import progress

_NO: Final = 3


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(check)


def check(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Prove everything that a run needs, one line each: ✓ good, ✗ a fault, ! advice; a dash: not looked at.

    Nothing is written to LDAP but probe entries, which are removed; 3 is the exit code when there is a fault.
    """
    lines = asyncio.run(_checked(invocation_of(context), as_json=as_json))
    if as_json:
        echo_json([line.document() for line in lines])
    faults = [line for line in lines if line.finding.verdict is Verdict.FAULT]
    if faults:
        raise typer.Exit(_NO)


async def _checked(invocation: Invocation, *, as_json: bool) -> list[Line]:
    lines = []
    async with aclosing(
        check_everything(invocation.config, invocation.settings(), _progress(as_json=as_json))
    ) as found:
        async for line in found:
            lines.append(line)
            if not as_json:
                typer.echo(one_line(line.shown_in(sys.stdout.encoding)))
    return lines


def _progress(*, as_json: bool) -> Callable[[str], AbstractContextManager[Callable[[int], None]]]:
    # Plain lines of progress would stand within the JSON.
    return _silent if as_json and not sys.stderr.isatty() else lambda label: progress(label, None)


@contextmanager
def _silent(_: str) -> Iterator[Callable[[int], None]]:
    yield lambda _: None
