"""`ldapflow demo` as its users run it: a process of its own, with a terminal or without."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from schemas.dn import DN
from streams.demo.sample import CHANGES, COMPANY, Company, changes_of, sample_file

TARGET = DN.parse("ou=company,dc=example,dc=com")
SLOW_SECONDS = 60
SOON_SECONDS = 10
COMPANY_LINES = sample_file(COMPANY).read_bytes().splitlines()
CHANGE_LINES = sample_file(CHANGES).read_bytes().splitlines()

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts the demo; its temporary folder is made in `tmp_path`."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments: str, path: str | None = None) -> subprocess.Popen[str]:
        environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUTF8": "1"}
        process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "streams.cli.main", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment if path is None else {**environment, "PATH": path},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """What it says up to the line that has these words."""
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}: {said}")


def left_behind(folder: Path) -> list[str]:
    """Files in the folder, and processes that know of it."""
    files = [str(path) for path in folder.iterdir()]
    return files + [str(process) for process in Path("/proc").glob("[0-9]*") if knows(process, str(folder).encode())]


def knows(process: Path, words: bytes) -> bool:
    try:
        return any(words in (process / name).read_bytes() for name in ("cmdline", "environ"))
    except OSError:  # it has ended, or is another user's
        return False


def test_the_demo_tells_what_became_of_whom(start: Start, tmp_path: Path) -> None:
    process = start()
    output, errors = process.communicate(timeout=SLOW_SECONDS)
    assert (process.returncode, errors) == (0, "")
    lines = [line.split() for line in output.splitlines()]
    company = Company().after(COMPANY_LINES)
    before, after = company.entries(TARGET), company.after(CHANGE_LINES).entries(TARGET)
    for change in changes_of(CHANGE_LINES):
        assert ["before", *str(before.get(change.subject, "-")).split()] in lines
        assert ["after", *str(after.get(change.subject, "-")).split()] in lines
    assert output.count("the same entry") == 4
    assert "events/s" in output
    assert str(tmp_path) not in output  # nothing of it is there any more
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize("moment", ["slapd at", "topics create", "publish company.jsonl"])
def test_ctrl_c_ends_everything_at_any_moment(start: Start, tmp_path: Path, moment: str) -> None:
    """While Kafka starts, while the worker starts, while it writes; an impatient second one changes nothing."""
    process = start()
    read_until(process, moment)
    assert left_behind(tmp_path) != []
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=SOON_SECONDS)
    assert (process.returncode, errors) == (130, "")
    assert left_behind(tmp_path) == []


def test_it_can_be_kept_and_looked_at(start: Start, tmp_path: Path) -> None:
    """The shown line finds all entries; Ctrl-C is the end."""
    process = start("--keep")
    said = read_until(process, "Ctrl-C")
    (command,) = (line.partition("  the entries ")[2] for line in said.splitlines() if "ldapsearch" in line)
    found = subprocess.run(  # noqa: S603 - what the demo tells people to type
        shlex.split(command), capture_output=True, text=True, check=True
    )
    assert found.stdout.count("\nuid:") == 300
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=SOON_SECONDS)
    assert (process.returncode, errors) == (130, "")
    assert left_behind(tmp_path) == []


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ([], "slapd is not installed: sudo apt-get install slapd ldap-utils\n"),
        (["ldapmodify", "setpriv", "sh"], "Java is not installed: sudo apt-get install default-jre-headless\n"),
    ],
)
def test_what_is_missing_is_one_line(start: Start, tmp_path: Path, programs: list[str], said: str) -> None:
    path = tmp_path / "bin"
    path.mkdir()
    for program in programs:
        (path / program).symlink_to(Path("/usr/bin") / program)
    process = start(path=str(path))
    _, errors = process.communicate(timeout=SOON_SECONDS)
    assert (process.returncode, errors) == (1, said)
    assert left_behind(tmp_path) == [str(path)]
