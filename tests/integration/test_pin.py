"""`ldapflow pin` on a real slapd."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from streams.sandbox.slapd import Slapd
from streams.settings import load_settings
from tests.support.compose import ROOT
from tests.support.directory_dump import admin_connection
from tests.support.program import ldapflow, lines, write_configuration


def entry_uuid(slapd: Slapd) -> str:
    """The target's entryUUID, as ldap3 reads it."""
    with admin_connection(slapd) as connection:
        connection.search(slapd.target_dn, "(objectClass=*)", "BASE", attributes=["entryUUID"])
        return str(connection.entries[0].entryUUID.value).strip("{}")


TEXT = """\
# The head office.
sync:
  target_dn: {target}   # do not touch
  passwords: false
connection:          # second, on purpose
  server: {server}
  admin_dn: {admin}
  admin_password: ${{PASSWORD}}
"""


@pytest.fixture
def folder(tmp_path: Path, slapd: Slapd) -> Path:
    """A folder with a configuration that a person wrote."""
    text = TEXT.format(target=slapd.target_dn, server=slapd.uri, admin=slapd.admin_dn)
    (tmp_path / "ldapflow.yaml").write_text(text)
    return tmp_path


def test_the_entry_uuid_is_written_and_nothing_else_changes(folder: Path, slapd: Slapd) -> None:
    path = folder / "ldapflow.yaml"
    path.chmod(0o640)
    before = path.read_text()
    done = ldapflow("pin", folder=folder, environ={"PASSWORD": slapd.admin_password})
    uuid = entry_uuid(slapd)
    assert (done.returncode, done.stderr) == (0, "")
    assert path.read_text() == before.replace("# do not touch\n", f"# do not touch\n  target_entry_uuid: {uuid}\n")
    assert path.stat().st_mode & 0o777 == 0o640
    assert load_settings(path, {"PASSWORD": "x"}).sync.target_entry_uuid == uuid


def test_a_second_pin_writes_nothing(folder: Path, slapd: Slapd) -> None:
    path = folder / "ldapflow.yaml"
    ldapflow("pin", folder=folder, environ={"PASSWORD": slapd.admin_password})
    before = path.stat()
    done = ldapflow("pin", folder=folder, environ={"PASSWORD": slapd.admin_password})
    assert (done.returncode, path.stat().st_ino) == (0, before.st_ino)


def test_another_target_is_pinned_anew_and_the_old_one_told(folder: Path, slapd: Slapd) -> None:
    path = folder / "ldapflow.yaml"
    old = "00000000-0000-4000-8000-000000000000"
    path.write_text(path.read_text().replace("  passwords", f"  target_entry_uuid: {old}\n  passwords"))
    done = ldapflow("pin", folder=folder, environ={"PASSWORD": slapd.admin_password})
    assert (done.returncode, lines(done.stdout)[0].endswith(f"(it was {old})")) == (0, True)
    assert entry_uuid(slapd) in path.read_text()


def test_the_job_in_kubernetes_tells_it(tmp_path: Path, slapd: Slapd) -> None:
    """Its very command, on a configuration as a volume shows it: behind links, read-only, with a file beside it."""
    volume, scratch = tmp_path / "volume", tmp_path / "tmp"
    data = volume / "..data"
    for folder in (data, scratch):
        folder.mkdir(parents=True)
    path = write_configuration(data, slapd=slapd, connection={"ca_file": "ca.pem"})
    (data / "ca.pem").touch()
    for file in data.iterdir():
        (volume / file.name).symlink_to(Path("..data", file.name))
    documents = YAML(typ="safe").load_all(ROOT / "deploy" / "kubernetes" / "jobs.yaml")
    (job,) = (document for document in documents if document["metadata"]["name"] == "ldapflow-pin")
    *shell, command = job["spec"]["template"]["spec"]["containers"][0]["command"]
    environment = {
        "LDAPFLOW_CONFIG": str(volume / path.name),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    told = subprocess.check_output([*shell, command.replace("/tmp", str(scratch))], env=environment, text=True)  # noqa: S108, S603 - our own script, a container's folder
    assert f"has the entryUUID {entry_uuid(slapd)}: recorded" in told


def test_a_missing_target_is_one_line(tmp_path: Path, slapd: Slapd) -> None:
    target = f"ou=none,{slapd.suffix}"
    write_configuration(tmp_path, slapd=slapd, sync={"target_dn": target})
    done = ldapflow("pin", folder=tmp_path)
    assert (done.returncode, lines(done.stderr)) == (
        1,
        [f"LDAP at {slapd.uri} has no {target}: create it, or correct sync.target_dn"],
    )


def test_a_stopped_directory_is_one_line(tmp_path: Path, fresh_slapd: Callable[..., Slapd]) -> None:
    slapd = fresh_slapd()
    write_configuration(tmp_path, slapd=slapd)
    slapd.stop()
    done = ldapflow("pin", folder=tmp_path)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith(f"LDAP at {slapd.uri} does not answer: start it, or correct connection.server")


def test_a_password_does_not_leave_this_machine_unencrypted(tmp_path: Path) -> None:
    """192.0.2.1 belongs to nobody (RFC 5737): what is refused before it is asked needs no time-out."""
    write_configuration(tmp_path, connection={"server": "ldap://192.0.2.1"})
    done = ldapflow("pin", folder=tmp_path)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert "is another machine and the link is not encrypted" in line
