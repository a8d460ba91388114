"""What commands write: lines that nothing can break, times, JSON."""

from datetime import UTC, datetime
from typing import Any

import orjson
import typer


def one_line(text: str) -> str:
    """A text of somebody else's on one line, without control characters: a terminal would obey them."""
    return "".join(character if character.isprintable() else _escaped(character) for character in text)


def moment(milliseconds: int) -> str:
    """A time for people and programs: RFC 3339, UTC, to the second; as it is where the calendar has no such day."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError):
        return str(milliseconds)


def echo_json(document: Any) -> None:
    """Write a document to standard output."""
    typer.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def echo_table(rows: list[tuple[str, ...]]) -> None:
    """Write rows with their columns below each other; the first row is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _escaped(character: str) -> str:
    return " " if character in "\n\t" else character.encode("unicode_escape").decode()
