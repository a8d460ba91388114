"""The program `ldapflow`: its commands, and what their failures become on stderr and as exit codes."""

import gc
import io
import resource
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from schemas.errors import ConfigurationError, LdapflowError
from streams.cli.invocation import Invocation

_FAILED: Final = 1
_WRONG_CONFIGURATION: Final = 2

# Every command, in the order of the help, with its module below `streams.cli`.
_MODULES: Final[Mapping[str, str]] = {
    "auth": "auth",
    "authenticate": "authenticate",
    "check": "check",
    "dead-letters": "dead_letters",
    "demo": "demo",
    "explain": "explain",
    "fingerprint": "fingerprint",
    "guard": "guard",
    "jobs": "jobs",
    "pin": "pin",
    "publish": "publish",
    "topics": "topics",
    "verifier": "verifier",
    "verify": "verify",
    "push": "verify",
    "worker": "worker",
    "pause": "writing",
    "resume": "writing",
}


class LogFormatOption(StrEnum):
    """The values of `--log-format`."""

    JSON = "json"
    TEXT = "text"


def main(app: typer.Typer | None = None) -> None:
    """Run the command line of this process, and end it.

    Args:
        app: from `load`, where that was done already.
    """
    # A core file would hold passwords; systemd-coredump keeps none, either, of who has this limit.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a letter must not end a command.
        sys.stdout.reconfigure(errors="replace")
    arguments = sys.argv[1:]
    code = run(arguments, app or load(arguments))
    gc.freeze()  # else the interpreter's end looks through all that was loaded
    sys.exit(code)


def load(arguments: Sequence[str]) -> typer.Typer:
    """Load the commands that are needed, which is most of what a short one does."""
    gc.disable()
    try:
        return build(arguments)
    finally:
        gc.freeze()
        gc.enable()


def run(arguments: Sequence[str], app: typer.Typer | None = None) -> int:
    """Run one command line. An interrupt ends it quietly with 130: Typer sees to that.

    Returns:
        The exit code (contract section 5).
    """
    command = typer.main.get_command(app or build(arguments))
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


def build(arguments: Sequence[str] = ()) -> typer.Typer:
    """The commands.

    Args:
        arguments: those that they name are enough: to load the whole program takes longer than many a command.
    """
    app = typer.Typer(
        name="ldapflow",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,  # its tracebacks show the values of variables, secrets among them
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    named = [module for command, module in _MODULES.items() if command in arguments]
    for module in dict.fromkeys(named or _MODULES.values()):
        import_module(f"streams.cli.{module}").register(app)
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
