"""`ldapflow fingerprint` on a real slapd with TLS."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from streams.cli.main import run
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import load_settings
from tests.support.certificates import Authority
from tests.support.program import lines, write_configuration

_TEXT = """\
# The head office.
connection:
  server: {server}   # do not touch
  start_tls: {start_tls}
  admin_dn: {admin}
  admin_password: ${{PASSWORD}}
sync: {{target_dn: "{target}"}}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """A slapd, and who signed its certificate."""

    slapd: Slapd
    authority: Authority


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """One slapd for all tests here; its certificate is for two names and an address."""
    authority = Authority.make(tmp_path_factory.mktemp("tls"))
    files = authority.issue("server", "localhost", "ldap.example.com", "127.0.0.1")
    with Slapd(SlapdOptions(tls=files)) as slapd:
        yield Shown(slapd, authority)


@pytest.fixture
def path(tmp_path: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration that a person wrote, for StartTLS."""
    slapd = shown.slapd
    monkeypatch.setenv("PASSWORD", slapd.admin_password)
    path = tmp_path / "ldapflow.yaml"
    path.write_text(_text(shown, slapd.uri, start_tls=True))
    return path


def _text(shown: Shown, server: str, *, start_tls: bool = False) -> str:
    slapd = shown.slapd
    return _TEXT.format(server=server, start_tls=str(start_tls).lower(), admin=slapd.admin_dn, target=slapd.target_dn)


def _told(path: Path, capsys: pytest.CaptureFixture[str], *options: str, command: str = "fingerprint") -> list[str]:
    """What a command says that succeeds."""
    assert run(["--config", str(path), command, *options]) == 0
    return lines(capsys.readouterr().out)


def _pins(path: Path) -> tuple[str, ...]:
    return load_settings(path, {"PASSWORD": "x"}).connection.certificate_fingerprints


def test_it_shows_what_the_certificate_says_and_why_it_is_not_trusted(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = dict(line.split(maxsplit=1) for line in _told(path, capsys))
    assert told["names"] == "localhost, ldap.example.com, 127.0.0.1"
    assert "O=trustme" in told["subject"]
    assert "O=trustme" in told["issuer"]
    assert told["valid"].startswith("from 2")
    assert told["SHA-256"].startswith("sha256:")
    assert told["trusted"].startswith("no: ")
    assert "the certificate is not trusted: self-signed" in told["trusted"]


def test_by_ldaps_and_as_json_it_says_the_same(path: Path, shown: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    told = _told(path, capsys)
    path.write_text(_text(shown, shown.slapd.ldaps_uri))
    document = orjson.loads("\n".join(_told(path, capsys, "--json")))
    assert any(document["fingerprint"] in line for line in told)
    assert (document["names"], document["pinned"]) == (["localhost", "ldap.example.com", "127.0.0.1"], False)


def test_an_authority_that_vouches_for_it_is_named(
    path: Path, shown: Shown, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(path.read_text().replace("  admin_dn", f"  ca_file: {shown.authority.file}\n  admin_dn"))
    assert _told(path, capsys)[-1] == f"trusted  yes, by {shown.authority.file}"


def test_a_pin_is_written_and_makes_the_server_trusted(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing else of the file changes; the next command logs on."""
    before = path.read_text()
    assert "compare it with what the server's administrator says" in _told(path, capsys, "--pin")[-1]
    (pin,) = _pins(path)
    line = f"  certificate_fingerprints: [{pin}]\n"
    assert path.read_text() == before.replace("# do not touch\n", f"# do not touch\n{line}")
    assert _told(path, capsys)[-1] == "trusted  yes, it is pinned"
    assert "recorded" in _told(path, capsys, command="pin")[-1]


def test_a_second_pin_joins_the_first_for_a_rotation(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says which ones were there; the same one is not written twice."""
    old = "sha256:" + "AB:" * 31 + "AB"
    path.write_text(
        path.read_text().replace("  admin_dn", f"  certificate_fingerprints:\n    - {old}  # 2025\n  admin_dn")
    )
    told = _told(path, capsys, "--pin")
    assert "which is not pinned; pinned is sha256:AB:AB" in told[-2]
    assert f"remove {old} once" in told[-1]
    assert (len(_pins(path)), _pins(path)[0], "# 2025" in path.read_text()) == (2, old, True)
    assert _told(path, capsys, "--pin")[-1] == f"{path} has it already"


def test_without_encryption_there_is_none(path: Path, shown: Shown, capsys: pytest.CaptureFixture[str]) -> None:
    path.write_text(_text(shown, shown.slapd.uri))
    assert run(["--config", str(path), "fingerprint"]) == 2
    (line,) = lines(capsys.readouterr().err)
    assert "so there is no certificate: set connection.start_tls, or use ldaps://" in line


def test_a_server_that_refuses_start_tls_is_one_line(
    tmp_path: Path, slapd: Slapd, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(tmp_path, slapd=slapd, connection={"start_tls": True})
    assert run(["--config", str(path), "fingerprint"]) == 1
    (line,) = lines(capsys.readouterr().err)
    assert line.endswith("give the server a certificate, or use ldaps://")
