"""The program `ldapflow`: its commands, and what their failures become on stderr and as exit codes."""

import io
import sys
from collections.abc import Sequence
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.errors import ConfigurationError, LdapflowError
from streams.cli import (
    auth,
    authenticate,
    check,
    dead_letters,
    demo,
    explain,
    fingerprint,
    guard,
    jobs,
    pin,
    publish,
    topics,
    verifier,
    verify,
    worker,
    writing,
)
from streams.cli.invocation import Invocation

_FAILED: Final = 1
_WRONG_CONFIGURATION: Final = 2


class LogFormatOption(StrEnum):
    """The values of `--log-format`."""

    JSON = "json"
    TEXT = "text"


def main() -> None:
    """Run the command line of this process, and end it."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter must not end a command.
        sys.stdout.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line. An interrupt ends it quietly with 130: Typer sees to that.

    Returns:
        The exit code (contract section 5).
    """
    command = typer.main.get_command(build())
    try:
        command(list(arguments), prog_name="ldapflow")
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else _FAILED
    except ConfigurationError as exc:
        for problem in exc.problems:
            _tell(problem)
        return _WRONG_CONFIGURATION
    except LdapflowError as exc:
        _tell(str(exc))
        return _FAILED
    return 0


def build() -> typer.Typer:
    """The commands."""
    app = typer.Typer(
        name="ldapflow",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # its tracebacks show the values of variables, secrets among them
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for group in (
        auth,
        authenticate,
        check,
        dead_letters,
        demo,
        explain,
        fingerprint,
        guard,
        jobs,
        pin,
        publish,
        topics,
        verifier,
        verify,
        worker,
        writing,
    ):
        group.register(app)
    return app


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - Typer hands it over so
    if asked:
        typer.echo(f"ldapflow {version('ldapflow')}")
        raise typer.Exit


def _options(
    context: typer.Context,
    *,
    config: Annotated[
        Path, typer.Option("--config", envvar="LDAPFLOW_CONFIG", metavar="FILE", help="The configuration.")
    ] = Path("ldapflow.yaml"),
    metrics_listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help="Instead of metrics.listen of the configuration.")
    ] = None,
    log_format: Annotated[
        LogFormatOption | None, typer.Option(help="Instead of log_format of the configuration.")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Keeps an OpenLDAP directory equal to an identity service, from events on Kafka."""
    context.obj = Invocation(config, metrics_listen, None if log_format is None else log_format.value)


def _tell(line: str) -> None:
    """Write one line to stderr, whatever the text."""
    sys.stderr.write(" ".join(line.split("\n")).strip() + "\n")


if __name__ == "__main__":
    main()
