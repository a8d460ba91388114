"""`ldapflow authenticate`: one try to log on."""

import asyncio
import getpass
import sys
from typing import Annotated, Final

import typer

from streams.authentication.logins import Yes
from streams.authentication.service import try_once
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, one_line

_NO: Final = 3


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(authenticate)


def authenticate(
    context: typer.Context,
    login: Annotated[str, typer.Argument(help="A value of one of users.sign_in_ids.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Try one login as the service would. The password is asked for, or read where standard input is no terminal."""
    settings = invocation_of(context).settings()
    answer = asyncio.run(try_once(settings, login, _password()))
    if as_json:
        echo_json(answer.document)
    elif isinstance(answer, Yes):
        account = "no account" if answer.user_id is None else f"account {one_line(answer.user_id)}"
        typer.echo(f"yes: {answer.dn}, {account}")
    else:
        typer.echo(f"no: {answer.reason.value}")
    if not isinstance(answer, Yes):
        raise typer.Exit(_NO)


def _password() -> bytes:
    if sys.stdin.isatty():
        return getpass.getpass("Password: ").encode(errors="surrogateescape")
    return sys.stdin.buffer.readline().removesuffix(b"\n").removesuffix(b"\r")
