"""The program's commands."""

import pytest
import typer

from streams.cli.main import build

COMMANDS = sorted(typer.main.get_group(build()).commands)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_loaded_by_its_name_alone(command: str) -> None:
    """Whoever names a command gets it, though the program loads only what the command line names."""
    assert command in typer.main.get_group(build(["--config", "x.yaml", command])).commands


def test_a_command_loads_no_other_one() -> None:
    """A command does not wait until the others are loaded."""
    assert set(typer.main.get_group(build(["pin", "--help"])).commands) == {"pin"}


def test_a_mistyped_command_is_compared_with_all() -> None:
    """What names no command loads all of them: the answer proposes one."""
    assert sorted(typer.main.get_group(build(["verfy"])).commands) == COMMANDS
