"""How far long work has come: a bar on a terminal, a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES: Final = 10.0
_SECONDS_BETWEEN_LOOKS: Final = 0.1


@contextmanager
def progress(label: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how far the work within has come.

    Args:
        label: what is done.
        total: how much there is, where it is known.

    Yields:
        To be called with how much is done; may be called often.
    """
    if sys.stderr.isatty():
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(label, total=total)
            yield _now_and_then(_SECONDS_BETWEEN_LOOKS, lambda done: bar.update(task, completed=done))
    else:
        of = "" if total is None else f" of {total}"
        yield _now_and_then(_SECONDS_BETWEEN_LINES, lambda done: typer.echo(f"{label}: {done}{of}", err=True))


class Steps:
    """Work in several steps, one after the other; used as `with`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._show: Callable[[int], None] = lambda _: None
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def step(self, name: str, total: int | None) -> None:
        """The next step begins; `total` is what it will advance to, if that is known."""
        self._stack.close()
        self._done = 0
        self._show = self._stack.enter_context(progress(name, total))

    def advance(self, count: int) -> None:
        """So many more are done; may be called often."""
        self._done += count
        self._show(self._done)


def _now_and_then(seconds: float, show: Callable[[int], None]) -> Callable[[int], None]:
    shown = time.monotonic()

    def update(done: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= seconds:
            shown = now
            show(done)

    return update
