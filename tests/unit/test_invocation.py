"""What a service says when it begins: whether others can read along."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from streams.cli.invocation import Invocation
from streams.logs import configure_logging
from tests.support.configuration import ENVIRONMENT, SMALLEST


@pytest.fixture(autouse=True)
def _quiet_again() -> Iterator[None]:
    yield
    configure_logging("json", "ERROR")


@pytest.mark.parametrize(
    ("server", "more", "told"),
    [
        ("ldap://localhost", "", ("info", "within this machine alone")),
        ("ldap://ldap.example.com", "", ("info", "within this machine alone")),  # or it will be refused
        ("ldap://ldap.example.com", "allow_plaintext: true", ("warning", "unencrypted to ldap://ldap.example.com:389")),
        ("ldap://ldap.example.com", "start_tls: true", None),
        ("ldaps://ldap.example.com", "allow_plaintext: true", None),
    ],
)
def test_a_service_says_once_what_travels_in_the_clear(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    server: str,
    more: str,
    told: tuple[str, str] | None,
) -> None:
    """Passwords and all entries, from where to where; nothing when the link is encrypted."""
    monkeypatch.setenv("LDAP_PASSWORD", ENVIRONMENT["LDAP_PASSWORD"])
    path = tmp_path / "ldapflow.yaml"
    path.write_text(SMALLEST.replace("ldap://ldap.example.com", server).replace("sync:", f"  {more}\nsync:"))
    Invocation(path, None, None).settings("service")
    lines = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    if told is None:
        assert lines == []
    else:
        (line,) = lines
        assert (line["event"], line["level"]) == ("link_not_encrypted", told[0])
        assert "passwords and all entries travel" in line["detail"]
        assert told[1] in line["detail"]


def test_a_command_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be noise between its lines."""
    monkeypatch.setenv("LDAP_PASSWORD", ENVIRONMENT["LDAP_PASSWORD"])
    path = tmp_path / "ldapflow.yaml"
    path.write_text(SMALLEST.replace("sync:", "  allow_plaintext: true\nsync:"))
    Invocation(path, None, None).settings()
    assert capsys.readouterr().err == ""
