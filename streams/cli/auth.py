"""`ldapflow auth`: the delegated-authentication service."""

import typer

from streams.authentication.service import run_service
from streams.cli.invocation import invocation_of


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(auth)


def auth(context: typer.Context) -> None:
    """Answer over HTTP whether login and password go together, until it is told to stop (SIGTERM, Ctrl-C)."""
    raise typer.Exit(run_service(invocation_of(context).settings("service")))
