"""What a sandboxed slapd is told, without starting one."""

from pathlib import Path

import pytest

from streams.sandbox.slapd_configuration import (
    SlapdOptions,
    SlapdPasswords,
    SlapdPlace,
    TlsFiles,
    first_entries,
    slapd_conf,
)

_PLACE = SlapdPlace(schemas=Path("/s"), modules=Path("/m"), data=Path("/d"), pid_file=Path("/p"))
_PASSWORDS = SlapdPasswords(admin="a-secret", sync="s-secret", config="c-secret")


def _conf(options: SlapdOptions, *, read_only: bool = False) -> list[str]:
    return slapd_conf(options, _PLACE, _PASSWORDS, read_only=read_only).splitlines()


@pytest.mark.parametrize(("durable", "lines"), [(True, 0), (False, 1)])
def test_only_what_may_lose_data_skips_the_sync(durable: bool, lines: int) -> None:  # noqa: FBT001 - a parameter
    """`dbnosync` is there exactly when the data need not survive a power cut."""
    assert _conf(SlapdOptions(durable=durable)).count("dbnosync") == lines


def test_a_policy_loads_the_module_and_the_overlay() -> None:
    """The module alone would accept the lock and let everybody in."""
    lines = _conf(SlapdOptions(policy={}))
    assert "moduleload ppolicy" in lines
    assert lines.index("overlay ppolicy") > lines.index("database mdb")


def test_policy_attributes_win_over_the_defaults() -> None:
    """Options change one attribute of the policy and leave the others."""
    ldif = first_entries(SlapdOptions(policy={"pwdMaxFailure": "2"}), _PASSWORDS)
    assert "pwdMaxFailure: 2\n" in ldif
    assert "pwdMaxFailure: 5\n" not in ldif
    assert "pwdLockout: TRUE\n" in ldif


def test_without_a_policy_there_is_no_policy_entry() -> None:
    """An entry of class pwdPolicy would be refused without the module."""
    assert "pwdPolicy" not in first_entries(SlapdOptions(), _PASSWORDS)


def test_tls_names_the_three_files() -> None:
    """Certificate, key and authority are each told to slapd."""
    lines = _conf(SlapdOptions(tls=TlsFiles(certificate=Path("/c"), key=Path("/k"), authority=Path("/a"))))
    assert {"TLSCACertificateFile /a", "TLSCertificateFile /c", "TLSCertificateKeyFile /k"} <= set(lines)


def test_passwords_are_not_shown() -> None:
    """The repr of the passwords holds none of them."""
    assert "secret" not in repr(_PASSWORDS)


def test_own_entries_come_last_and_are_not_shown() -> None:
    """They stand below the target; they may hold what is nobody's business."""
    options = SlapdOptions(policy={}, entries="dn: ou=own,ou=company,dc=example,dc=com\n")
    assert first_entries(options, _PASSWORDS).endswith("pwdMaxFailure: 5\n\ndn: ou=own,ou=company,dc=example,dc=com\n")
    assert "ou=own" not in repr(options)
