"""The directory of docker-compose.yml alone: what the start of its container makes of a folder and a password."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from streams.sandbox.processes import Child, wait_until
from tests.support.compose import ROOT

_START = ROOT / "deploy/compose/openldap/start"
_ADMIN = "cn=ldapflow,dc=example,dc=com"
_INVALID_CREDENTIALS = 49


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    """The secret that the container is given."""
    file = tmp_path / "ldap-password"
    file.touch(mode=0o600)
    file.write_text("first")
    return file


@contextmanager
def _started(password_file: Path) -> Iterator[str]:
    """The directory while it runs, and its address."""
    folder = password_file.parent
    data, socket = folder / "data", folder / "ldapi"
    data.mkdir(exist_ok=True)
    uri = f"ldapi://{quote(str(socket), '')}"
    environment = {
        **os.environ,
        "LDAP_FOLDER": str(data),
        "LDAP_PASSWORD_FILE": str(password_file),
        "LDAP_NAME": "openldap",
        "LDAP_URIS": uri,
    }
    child = Child(["/bin/sh", str(_START)], log=folder / "log", environment=environment)
    try:
        wait_until(lambda: _bind(uri, "none") == _INVALID_CREDENTIALS, "the directory", child=child, timeout_seconds=30)
        yield uri
    finally:
        child.terminate(10)


def _bind(uri: str, password: str) -> int:
    """The LDAP result code of a bind as ldapflow, or another number while nobody answers."""
    command = ["ldapwhoami", "-x", "-H", uri, "-D", _ADMIN, "-w", password]
    return subprocess.run(command, capture_output=True, check=False).returncode  # noqa: S603 - of the system


def test_wrong_passwords_lock_nobody_out_of_all_writing(password_file: Path) -> None:
    """The policy that locks people after ten of them is not ldapflow's: anybody could stop it so."""
    with _started(password_file) as uri:
        assert {_bind(uri, f"wrong{number}") for number in range(12)} == {_INVALID_CREDENTIALS}
        assert _bind(uri, "first") == 0


def test_a_new_password_holds_from_the_next_start_on(password_file: Path) -> None:
    """Also where the volume of the secrets was lost, and made anew."""
    with _started(password_file):
        pass
    password_file.write_text("second")
    with _started(password_file) as uri:
        assert [_bind(uri, password) for password in ("first", "second")] == [_INVALID_CREDENTIALS, 0]
