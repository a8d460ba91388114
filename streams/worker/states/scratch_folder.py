"""A folder for as long as this process lives.

A process that is killed leaves its folder behind: whoever makes the next one in the same place removes it.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from schemas.errors import CommandFailed

STATES: Final = "ldapflow-states-"
"""What the names of the folders of `RocksdbStore` begin with."""


class ScratchFolder:
    """A new, empty folder in the system's place for such (`TMPDIR`), which nobody else may read.

    Args:
        prefix: of its name; what is left of others of this prefix is removed.

    Attributes:
        path: the folder.

    Raises:
        CommandFailed: it cannot be made.
    """

    def __init__(self, prefix: str) -> None:
        remove_orphans(prefix)
        try:
            place = _place()
        except OSError as exc:
            raise CommandFailed(f"{exc.strerror}: set TMPDIR to a folder that can be written") from exc
        try:
            self.path, self._lock = _make(place, prefix)
        except OSError as exc:
            raise CommandFailed(
                f"cannot make a folder in {place}: {exc.strerror}: set TMPDIR to a folder that can be written"
            ) from exc

    def remove(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def _place() -> Path:
    # Python would exchange a TMPDIR that cannot be written for another folder, perhaps in memory, without a word.
    named = os.environ.get("TMPDIR")
    return Path(named).absolute() if named else Path(tempfile.gettempdir())


def _make(place: Path, prefix: str) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(lock), path.stat()):
                return path, lock
        os.close(lock)  # somebody took it for an orphan before it was locked


def remove_orphans(prefix: str) -> None:
    """Remove the folders of this prefix that processes which were killed have left; those that cannot be are left."""
    with suppress(OSError):  # there is no place for such
        for path in _place().glob(f"{prefix}*"):
            with suppress(OSError), _unlocked(path) as folder:
                if os.fstat(folder).st_uid == os.geteuid():
                    shutil.rmtree(path)


@contextmanager
def _unlocked(path: Path) -> Iterator[int]:
    """Lock a folder; raises OSError if a living process has done so, or if it is no folder of its own."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield folder
    finally:
        os.close(folder)
