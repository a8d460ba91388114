"""Certificates of an authority of the test's own, as the files that servers and clients want."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from streams.sandbox.slapd_configuration import TlsFiles


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that no system trusts.

    Attributes:
        folder: where its files are written.
    """

    folder: Path
    ca: trustme.CA

    @classmethod
    def make(cls, folder: Path) -> "Authority":
        """Make one; its own certificate is `authority.pem`."""
        made = cls(folder, trustme.CA())
        made.ca.cert_pem.write_to_path(made.file)
        return made

    @property
    def file(self) -> Path:
        """Its certificate."""
        return self.folder / "authority.pem"

    def issue(self, name: str, *identities: str, not_after: datetime | None = None) -> TlsFiles:
        """A certificate for some names or addresses, `NAME.pem`, and its key, `NAME-key.pem`."""
        files = TlsFiles(self.folder / f"{name}.pem", self.folder / f"{name}-key.pem", self.file)
        issued = self.ca.issue_cert(*identities, not_after=not_after)
        issued.cert_chain_pems[0].write_to_path(files.certificate)
        issued.private_key_pem.write_to_path(files.key)
        return files

    def own(self) -> TlsFiles:
        """Its own certificate, which is self-signed, as a server's."""
        files = TlsFiles(self.file, self.folder / "authority-key.pem", self.file)
        self.ca.private_key_pem.write_to_path(files.key)
        return files


def pkcs8(key: Path, password: str | None = None) -> bytes:
    """A key in the form that Java reads, and locked if there is a password."""
    lock: KeySerializationEncryption = NoEncryption()
    if password is not None:
        lock = BestAvailableEncryption(password.encode())
    loaded = load_pem_private_key(key.read_bytes(), None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)
