"""`ldapflow verifier`: the compaction job, on its schedule and on demand."""

import typer

from streams.cli.invocation import invocation_of
from streams.verifier.service import run_verifier


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(verifier)


def verifier(context: typer.Context) -> None:
    """Verify at the times of sync.verification, and when `push` asks, until it is told to stop (SIGTERM, Ctrl-C)."""
    raise typer.Exit(run_verifier(invocation_of(context).settings("service")))
