"""`ldapflow demo`: everything at once, on servers of its own."""

from typing import Annotated

import typer

from streams.demo.run import run_demo
from streams.logs import configure_logging


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(demo)


def demo(
    *, keep: Annotated[bool, typer.Option("--keep", help="Leave everything running at the end, until Ctrl-C.")] = False
) -> None:
    """Start Kafka and slapd in a temporary folder, publish a sample company, and show what becomes of it."""
    configure_logging("text", "ERROR")
    raise typer.Exit(run_demo(keep=keep))
