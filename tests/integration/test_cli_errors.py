"""What a user sees when something is wrong: an exit code, and lines without a traceback."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd
from tests.support.compose import ROOT
from tests.support.program import ldapflow, lines, write_configuration


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration to which neither Kafka nor LDAP answers."""
    write_configuration(tmp_path, kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"})
    return tmp_path


COMMANDS = ["", "pin", "publish", "topics", "topics create"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_without_a_configuration(tmp_path: Path, command: str) -> None:
    done = ldapflow(*command.split(), "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: ldapflow")


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--nonsense"], ["topics"], ["pin", "nonsense"]])
def test_wrong_usage_is_2(folder: Path, arguments: list[str]) -> None:
    done = ldapflow(*arguments, folder=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)


def test_the_version_needs_no_configuration(tmp_path: Path) -> None:
    """And nothing else is printed."""
    done = ldapflow("--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"ldapflow {version('ldapflow')}\n", "")


def test_a_crash_leaves_no_core_file() -> None:
    """It would hold the passwords of the process: whatever the shell allowed, the program forbids it to itself."""
    code = """if True:
        import atexit, resource, sys
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        atexit.register(lambda: print(resource.getrlimit(resource.RLIMIT_CORE)[0]))
        sys.argv[1:] = ["--version"]
        from streams.cli.main import main
        main()
    """
    done = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)  # noqa: S603 - our own program
    assert lines(done)[-1] == "0"


def test_a_letter_that_the_terminal_lacks_ends_no_command(tmp_path: Path) -> None:
    """It is replaced: the help of `check` shows its marks."""
    done = ldapflow("check", "--help", folder=tmp_path, environ={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "one line each: ? good" in done.stdout


def test_a_missing_configuration_is_2_and_one_line(tmp_path: Path) -> None:
    done = ldapflow("pin", folder=tmp_path)
    assert (done.returncode, lines(done.stderr)) == (
        2,
        ["no configuration at ldapflow.yaml: write one (see README) or give --config FILE"],
    )


def test_the_configuration_may_be_named_by_the_environment(tmp_path: Path) -> None:
    done = ldapflow("pin", folder=tmp_path, environ={"LDAPFLOW_CONFIG": "other.yaml"})
    assert "no configuration at other.yaml" in done.stderr


def test_each_problem_of_the_configuration_is_a_line(tmp_path: Path) -> None:
    write_configuration(tmp_path, kafka={"bootstrap_server": "x"}, sync={"disabled_accounts": "forget"})
    done = ldapflow("topics", "create", folder=tmp_path)
    first, second = lines(done.stderr)
    assert done.returncode == 2
    assert first == "ldapflow.yaml:9: sync.disabled_accounts: must be 'lock', 'keep' or 'remove'"
    assert second == "ldapflow.yaml:12: kafka.bootstrap_server: unknown key: did you mean bootstrap_servers?"


def test_a_password_file_for_everybody_is_2_and_one_line(folder: Path) -> None:
    (folder / "ldap-password").chmod(0o644)
    done = ldapflow("pin", folder=folder)
    (line,) = lines(done.stderr)
    assert done.returncode == 2
    assert line.endswith(f"chmod 600 {folder / 'ldap-password'}")


@pytest.mark.parametrize("listen", ["9108", "localhost:x", ":9108"])
def test_a_wrong_metrics_address_is_2_and_one_line(folder: Path, listen: str) -> None:
    done = ldapflow("--metrics-listen", listen, "pin", folder=folder)
    (line,) = lines(done.stderr)
    assert done.returncode == 2
    assert line.startswith("--metrics-listen must ")


def test_an_unknown_setting_of_librdkafka_is_2_and_one_line(tmp_path: Path) -> None:
    write_configuration(tmp_path, kafka={"client": {"sasl.nonsense": "x"}})
    done = ldapflow("topics", "create", folder=tmp_path)
    (line,) = lines(done.stderr)
    assert (done.returncode, line) == (
        2,
        'kafka.client: No such configuration property: "sasl.nonsense": correct it',
    )


def test_a_dead_directory_is_1_and_one_line(folder: Path) -> None:
    done = ldapflow("pin", folder=folder)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith("LDAP at ldap://127.0.0.1:1 does not answer: start it, or correct connection.server")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_connection_is_told_in_the_words_of_the_system(tmp_path: Path, host: str) -> None:
    """Whether a name has one address or several."""
    write_configuration(tmp_path, connection={"server": f"ldap://{host}:1", "allow_plaintext": True})
    done = ldapflow("pin", folder=tmp_path)
    assert done.stderr.endswith(f" (no connection to {host}:1: Connection refused)\n")


def test_a_wrong_password_is_1_and_one_line(tmp_path: Path, slapd: Slapd) -> None:
    write_configuration(tmp_path, slapd=slapd)
    (tmp_path / "ldap-password").write_text("wrong-password")
    done = ldapflow("pin", folder=tmp_path)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith(f"LDAP at {slapd.uri}: ")
    assert line.endswith("correct connection.admin_dn or the password")
    assert "wrong-password" not in line


@pytest.fixture
def waiting(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A `publish` that waits for its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli.main", "publish"],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    yield process
    process.kill()
    process.communicate()


def test_an_interrupt_is_130_and_quiet(waiting: subprocess.Popen[bytes]) -> None:
    assert waiting.stdin is not None
    # More than a pipe holds: when all of it is taken, the command has begun to read.
    waiting.stdin.write(b"\n" * 1_000_000)
    waiting.stdin.flush()
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=10)
    assert (waiting.returncode, err) == (130, b"")


def test_an_interrupt_while_the_program_is_loaded_is_quiet(tmp_path: Path) -> None:
    """A library that takes for ever to load stands for a slow disk."""
    (tmp_path / "typer.py").write_text("import signal\nprint('loading', flush=True)\nsignal.pause()\n")
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-m", "streams", "check"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": f"{tmp_path}:{root}"},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"loading\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (-signal.SIGINT, b"")
