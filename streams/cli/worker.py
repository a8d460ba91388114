"""`ldapflow worker`: the Faust agents."""

import typer

from streams.cli.invocation import invocation_of
from streams.worker.app import run_worker


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(worker)


def worker(context: typer.Context) -> None:
    """Turn events into entries until it is told to stop (SIGTERM, Ctrl-C); start as many as you like."""
    raise typer.Exit(run_worker(invocation_of(context).settings("service")))
