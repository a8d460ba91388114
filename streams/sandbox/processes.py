"""Child processes that end for certain, and the ports that they listen on."""

import atexit
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from queue import SimpleQueue

from schemas.errors import CommandFailed

LOOPBACK = "127.0.0.1"
_POLL_SECONDS = 0.01
# The kernel's signal is for deaths that are still to come: a parent may have died before it was asked for.
_UNLESS_ORPHANED = ("sh", "-c", 'test "$PPID" = "$0" && exec "$@"')
# Below Linux's range for outgoing connections (32768 and up): no client socket can take the port of a server
# that is down for a moment.
_PORTS = range(20_000, 32_000)


class Child:
    """A running process that does not outlive this one.

    It ends with `terminate` or `kill`, at the interpreter's exit, and, should this process be killed, by the kernel
    (`PR_SET_PDEATHSIG`, see prctl(2)). It has its own session, so Ctrl-C on the terminal reaches it only through us.
    Every method may be called from any thread.

    Args:
        command: program and arguments.
        log: file that its standard output and error are appended to.
        environment: variables besides those of this process.

    Raises:
        CommandFailed: the program could not be started.
    """

    def __init__(self, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        self._name = Path(command[0]).name
        self._command = ["setpriv", "--pdeathsig", "KILL", "--", *_UNLESS_ORPHANED, str(os.getpid()), *command]
        self._environment = {**os.environ, **(environment or {})}
        started: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()
        # The kernel's signal comes when the *thread* that started the child ends: so a thread is kept for each child.
        self._thread = threading.Thread(target=self._hold, args=(started,), name=f"child {self._name}", daemon=True)
        self._thread.start()
        process = started.get()
        if isinstance(process, OSError):
            raise CommandFailed(f"{self._name} cannot be started: {process}") from process
        self._process = process
        atexit.register(self.kill)

    def __repr__(self) -> str:
        return f"<Child {self._name} pid={self.pid} running={self.running}>"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended; a frozen one is running."""
        return self._thread.is_alive()

    def terminate(self, timeout_seconds: float = 30) -> None:
        """Asks it to end (SIGTERM), wakes it if it was frozen, waits, and kills it when it does not obey."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        self._thread.join(timeout_seconds)
        self.kill()

    def kill(self) -> None:
        """Ends it at once (SIGKILL) and waits until it is gone; nothing happens when it has ended already."""
        self._signal(signal.SIGKILL)
        self._thread.join()
        atexit.unregister(self.kill)

    def freeze(self) -> None:
        """Stops it (SIGSTOP): its connections stay open and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def last_words(self) -> str:
        """The last line of its log that is not blank, for a message to people."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing in its log")

    def _hold(self, started: "SimpleQueue[subprocess.Popen[bytes] | OSError]") -> None:
        try:
            with self.log.open("ab") as output:
                process = subprocess.Popen(  # noqa: S603 - the commands are this package's own
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                )
        except OSError as exc:
            started.put(exc)
            return
        started.put(process)
        process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self.running:
            self._process.send_signal(number)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    for port in random.SystemRandom().sample(_PORTS, k=100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    raise CommandFailed(f"no free port between {_PORTS.start} and {_PORTS.stop} on {LOOPBACK}")


def answers(port: int, request: bytes = b"", timeout_seconds: float = 1) -> bool:
    """Whether somebody accepts connections on the port and, if a request is given, replies to it."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_seconds) as connection:
            if not request:
                return True
            connection.sendall(request)
            return bool(connection.recv(1))
    except OSError:
        return False


def wait_for_port(port: int, *, request: bytes = b"", child: Child | None = None, timeout_seconds: float = 30) -> None:
    """Waits until `answers`.

    Raises:
        CommandFailed: the time is over, or the child that should listen there has ended.
    """
    wait_until(lambda: answers(port, request), f"port {port}", child=child, timeout_seconds=timeout_seconds)


def wait_until(
    condition: Callable[[], bool], what: str, *, child: Child | None = None, timeout_seconds: float = 30
) -> None:
    """Waits until the condition holds.

    Raises:
        CommandFailed: the time is over, or the child that should bring it about has ended.
    """
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if child is not None and not child.running:
            raise CommandFailed(f"{child!r} ended before {what} was ready: {child.last_words()} (see {child.log})")
        if time.monotonic() > deadline:
            raise CommandFailed(f"{what} was not ready within {timeout_seconds:g} s")
        time.sleep(_POLL_SECONDS)
