"""The token that callers must show (RFC 6750 section 2.1)."""

import hashlib
import hmac
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from streams.settings.secret_files import read_secret
from streams.settings.sections import Authentication

log = structlog.get_logger(__name__)

_SCHEME: Final = "bearer"
_Stamp: TypeAlias = tuple[int, int, int, int] | None


class BearerToken:
    """The configured token; that of a file is read again whenever the file changes.

    A file that cannot be read any more, or that others may read, lets nobody in until it is mended.

    Attributes:
        problem: what is wrong with the file, with the remedy; None when nothing is.
    """

    def __init__(self, settings: Authentication) -> None:
        self.problem: str | None = None
        self._path = settings.token_file
        self._stamp = _stamp(self._path)
        self._digest = None if settings.token is None else _digest(settings.token.get_secret_value().encode())
        if self._path is not None:
            self._read(self._path)

    def accepts(self, header: str) -> bool:
        """Say whether a header `Authorization` shows the token; how long that takes says nothing about it."""
        self.look()
        scheme, _, shown = header.partition(" ")
        digest = _digest(shown.strip().encode(errors="surrogateescape"))
        return self._digest is not None and scheme.lower() == _SCHEME and hmac.compare_digest(digest, self._digest)

    def look(self) -> None:
        """Read the file if it has changed."""
        path, stamp = self._path, _stamp(self._path)
        if path is None or stamp == self._stamp:
            return
        self._stamp = stamp
        self._read(path)
        if self.problem is None:
            log.info("token_read")

    def _read(self, path: Path) -> None:
        try:
            self._digest = _digest(read_secret(path).encode())
        except ValueError as exc:
            self.problem, self._digest = f"authentication.token_file: {exc}", None
            log.error("token_unreadable", detail=self.problem)  # noqa: TRY400 - its text says all
        else:
            self.problem = None


def _stamp(path: Path | None) -> _Stamp:
    """Something that changes with the file: its contents, its owner, its mode."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_size


def _digest(token: bytes) -> bytes:
    # Digests are equally long: comparing them does not tell the token's length.
    return hashlib.sha256(token).digest()
