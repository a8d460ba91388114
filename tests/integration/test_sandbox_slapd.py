"""The sandboxed slapd keeps its promises: the tests of everything else rest on them."""

import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import ldap3
import pytest
import trustme
from ldap3.core.exceptions import (
    LDAPInvalidCredentialsResult,
    LDAPUnwillingToPerformResult,
)

from schemas.errors import CommandFailed
from streams.sandbox.processes import answers
from streams.sandbox.slapd import Slapd, SlapdOptions, TlsFiles
from tests.support.directory_dump import admin_connection, connected, read_tree

FreshSlapd = Callable[..., Slapd]
_BIND = bytes.fromhex("300c020101600702010304008000")


def _add(slapd: Slapd, name: str) -> str:
    dn = f"ou={name},{slapd.target_dn}"
    with admin_connection(slapd) as connection:
        connection.add(dn, "organizationalUnit")  # type: ignore[no-untyped-call]
    return dn


def test_starts_with_an_empty_target(fresh_slapd: FreshSlapd) -> None:
    """A new slapd holds the target node and nothing below it."""
    slapd = fresh_slapd()
    assert list(read_tree(slapd)) == [slapd.target_dn]


def test_own_entries_are_there_from_the_first_start_on(fresh_slapd: FreshSlapd) -> None:
    """With the operational attributes that were given; a restart does not load them again."""
    entry_uuid = "5d0e0a3c-0000-4000-8000-000000000001"
    dn = f"ou=own,{Slapd.target_dn}"
    slapd = fresh_slapd(SlapdOptions(entries=f"dn: {dn}\nobjectClass: organizationalUnit\nentryUUID: {entry_uuid}\n"))
    before = read_tree(slapd)
    slapd.restart()
    assert read_tree(slapd)[dn] == before[dn]
    assert before[dn]["entryUUID"] == [entry_uuid.encode()]


def test_a_file_of_entries_is_loaded_while_it_is_stopped(fresh_slapd: FreshSlapd, tmp_path: Path) -> None:
    """Beside what it has, with the entryUUID that was given."""
    slapd, name = fresh_slapd(), "7b6e6ef0-0000-4000-8000-000000000001"
    before = _add(slapd, "before")
    loaded = f"ou=loaded,{slapd.target_dn}"
    (tmp_path / "entries.ldif").write_text(
        f"dn: {loaded}\nobjectClass: organizationalUnit\nou: loaded\nentryUUID: {name}\n"
    )
    slapd.stop()
    slapd.load(tmp_path / "entries.ldif")
    slapd.start()
    tree = read_tree(slapd)
    assert tree.keys() == {slapd.target_dn, before, loaded}
    assert tree[loaded]["entryUUID"] == [name.encode()]


def test_a_kill_loses_nothing_that_was_answered(fresh_slapd: FreshSlapd) -> None:
    """Entries survive SIGKILL and a start, with their entryUUID and entryCSN."""
    slapd = fresh_slapd()
    _add(slapd, "rd")
    before = read_tree(slapd)
    slapd.kill()
    slapd.start()
    assert read_tree(slapd) == before


def test_a_frozen_one_accepts_connections_and_stays_silent(fresh_slapd: FreshSlapd) -> None:
    """Between freeze and thaw a bind gets no reply though the connection stands."""
    slapd = fresh_slapd()
    slapd.freeze()
    assert answers(slapd.port)
    assert not answers(slapd.port, _BIND, timeout_seconds=0.2)
    slapd.thaw()
    assert answers(slapd.port, _BIND)


def test_read_only_refuses_writes_until_it_is_lifted(fresh_slapd: FreshSlapd) -> None:
    """set_read_only(True) gives unwillingToPerform, also after a restart; False takes writes again."""
    slapd = fresh_slapd()
    slapd.set_read_only(True)
    slapd.restart()
    with pytest.raises(LDAPUnwillingToPerformResult):
        _add(slapd, "rd")
    slapd.set_read_only(False)
    assert _add(slapd, "rd") in read_tree(slapd)


def test_close_leaves_no_process_and_no_folder() -> None:
    """After the with block the process is gone, a frozen one too, and so is its folder."""
    with Slapd() as slapd:
        pid = slapd.pid
        slapd.freeze()
    assert not slapd.folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_policy_locks_whom_the_administrator_locks(fresh_slapd: FreshSlapd) -> None:
    """With ppolicy, pwdAccountLockedTime written by the sync administrator makes the right password fail."""
    slapd = fresh_slapd(SlapdOptions(policy={}))
    dn, password = f"uid=mei,{slapd.target_dn}", "correct horse"
    with connected(slapd, slapd.sync_dn, slapd.sync_password) as sync:
        sync.bind()
        person = {"cn": "Mei", "sn": "Wang", "userPassword": password}
        sync.add(dn, "inetOrgPerson", person)  # type: ignore[no-untyped-call]
        with connected(slapd, dn, password) as mei:
            assert mei.bind()
        sync.modify(dn, {"pwdAccountLockedTime": [(ldap3.MODIFY_REPLACE, ["000001010000Z"])]})  # type: ignore[no-untyped-call]
    with connected(slapd, dn, password) as mei, pytest.raises(LDAPInvalidCredentialsResult):
        mei.bind()


def test_tls_is_offered_both_ways(fresh_slapd: FreshSlapd, tmp_path: Path) -> None:
    """StartTLS on the plain port and TLS on the other, both with the certificate that was given."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    files = TlsFiles(certificate=tmp_path / "cert.pem", key=tmp_path / "key.pem", authority=tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    issued.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    slapd = fresh_slapd(SlapdOptions(tls=files))
    trust = ssl.create_default_context(cafile=files.authority)
    with _connect(slapd.ldaps_port) as plain, trust.wrap_socket(plain, server_hostname=slapd.host) as encrypted:
        encrypted.sendall(_BIND)
        assert encrypted.recv(100)
    with _connect(slapd.port) as plain:
        plain.sendall(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037")
        plain.recv(100)
        with trust.wrap_socket(plain, server_hostname=slapd.host) as encrypted:
            encrypted.sendall(_BIND)
            assert encrypted.recv(100)


def _connect(port: int | None) -> socket.socket:
    return socket.create_connection((Slapd.host, port), timeout=5)


def test_the_size_limit_holds_for_all_but_the_rootdn(fresh_slapd: FreshSlapd) -> None:
    """The sync administrator meets the limit that the rootdn does not."""
    slapd = fresh_slapd(SlapdOptions(size_limit=1))
    with admin_connection(slapd) as admin:
        admin.search(slapd.suffix, "(objectClass=*)")
        assert admin.result["description"] == "success"
    with connected(slapd, slapd.sync_dn, slapd.sync_password) as sync:
        sync.bind()
        sync.search(slapd.suffix, "(objectClass=*)")
        assert sync.result["description"] == "sizeLimitExceeded"


def test_the_password_is_not_shown(fresh_slapd: FreshSlapd) -> None:
    """No password appears in the repr."""
    slapd = fresh_slapd()
    assert slapd.admin_password not in repr(slapd)


def test_a_wrong_configuration_names_slapd_s_reason(fresh_slapd: FreshSlapd) -> None:
    """A slapd that cannot start says why in one line."""
    with pytest.raises(CommandFailed, match="nonsense") as failure:
        fresh_slapd(SlapdOptions(global_lines=("nonsense here",)))
    assert "\n" not in str(failure.value)


def test_missing_slapd_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without slapd the message says what to install."""
    monkeypatch.setattr("streams.sandbox.slapd._PROGRAM", tmp_path / "slapd")
    with pytest.raises(CommandFailed, match="sudo apt-get install slapd ldap-utils"), Slapd():
        pass
