"""Child processes end when they must, and only then."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from schemas.errors import CommandFailed
from streams.sandbox.processes import Child, free_port, wait_for_port, wait_until

_PARENT = """
import pathlib, sys, time
from streams.sandbox.processes import Child
child = Child(["sleep", "60"], log=pathlib.Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""


def _alive(pid: int) -> bool:
    # A zombie has ended; nobody but init can do anything about it.
    return _state(pid) not in ("", "Z")


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def test_a_child_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL to the parent, which runs no handler of its own, ends the child too."""
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:  # noqa: S603 - our own text
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.kill()
    wait_until(lambda: not _alive(pid), "the end of the child")


def test_a_child_dies_with_a_parent_that_is_killed_too_soon(tmp_path: Path) -> None:
    """Before the kernel was told to end it: it finds that the parent is gone."""
    slow = tmp_path / "setpriv"
    slow.write_text(f'#!/bin/sh\nwhile kill -0 $PPID; do sleep 0.01; done 2>&-\nexec {shutil.which("setpriv")} "$@"\n')
    slow.chmod(0o700)
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "log")]
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:  # noqa: S603 - our own text
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    wait_until(lambda: not _alive(pid), "the end of the child", timeout_seconds=5)


def test_a_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    """The kernel's signal follows the process, not the thread that happened to call."""
    children: list[Child] = []
    starter = threading.Thread(target=lambda: children.append(Child(["sleep", "60"], log=tmp_path / "log")))
    starter.start()
    starter.join()
    child = children[0]
    try:
        child.freeze()
        wait_until(lambda: _state(child.pid) == "T", "the freeze")
        assert child.running
    finally:
        child.kill()


def test_terminate_lets_a_frozen_child_end_in_good_order(tmp_path: Path) -> None:
    """Terminate wakes what is frozen, so that its own handler of SIGTERM runs, and leaves nothing."""
    log = tmp_path / "log"
    child = Child(["sh", "-c", "trap 'echo bye; exit' TERM; echo ready; while :; do sleep 0.1; done"], log=log)
    wait_until(lambda: "ready" in log.read_text(), "the trap")
    child.freeze()
    child.terminate(timeout_seconds=5)
    assert not _alive(child.pid)
    assert child.last_words() == "bye"


def test_terminate_kills_what_does_not_obey(tmp_path: Path) -> None:
    """A child that ignores SIGTERM is killed when its time is over."""
    log = tmp_path / "log"
    child = Child(["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"], log=log)
    wait_until(lambda: "deaf" in log.read_text(), "the trap")
    child.terminate(timeout_seconds=0.1)
    assert not _alive(child.pid)


def test_waiting_for_a_child_that_ended_tells_its_last_words(tmp_path: Path) -> None:
    """There is no waiting for a port when its process is gone, and the message says why it went."""
    child = Child(["sh", "-c", "echo out of memory >&2; exit 1"], log=tmp_path / "log")
    with pytest.raises(CommandFailed, match="out of memory"):
        wait_for_port(free_port(), child=child)


def test_the_process_is_the_program(tmp_path: Path) -> None:
    """Freeze, thaw and kill reach the program itself, not a wrapper around it."""
    child = Child(["sleep", "60"], log=tmp_path / "log")
    try:
        wait_until(lambda: Path(f"/proc/{child.pid}/exe").readlink().name == "sleep", "the program")
    finally:
        child.kill()
