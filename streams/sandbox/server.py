"""What the sandboxed servers have in common: how they live, are broken, and end."""

import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from streams.sandbox.processes import LOOPBACK, Child, free_port


class Server(ABC):
    """A server process on a loopback port, with a folder that is removed at the end of its `with` block.

    Until then its data and its port survive `kill` and `restart`.

    Args:
        name: of the program; its folder and its log are named after it.
        parent: where its folder is made; the system's folder for temporary files by default.
    """

    def __init__(self, name: str, parent: Path | None) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"ldapflow-{name}-", dir=parent))
        self.log = self.folder / f"{name}.log"
        self._name = name
        self._data = self.folder / "data"
        self._child: Child | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {LOOPBACK}:{self.port} {self._child!r}>"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def start(self) -> None:
        """Starts it, on the data and the port that it had before, and returns when it serves clients.

        Raises:
            CommandFailed: something is missing, or it does not come up.
        """

    @property
    def running(self) -> bool:
        """Whether the process lives; a frozen one does."""
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Its process id; raises ValueError while it does not run."""
        return self._process().pid

    def stop(self) -> None:
        """Stops it in good order (SIGTERM) and waits until it is gone."""
        if self._child is not None:
            self._child.terminate()

    def kill(self) -> None:
        """Kills it (SIGKILL): connections are reset."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stops it and starts it on the same data and port."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stops the process without closing anything: connections stay open and get no replies."""
        self._process().freeze()

    def thaw(self) -> None:
        """Lets it go on after `freeze`."""
        self._process().thaw()

    def close(self) -> None:
        """Ends it and removes its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _process(self) -> Child:
        if self._child is None or not self._child.running:
            raise ValueError(f"this {self._name} is not running")
        return self._child
