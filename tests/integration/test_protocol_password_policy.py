"""The password policy control against slapd's ppolicy overlay."""

from collections.abc import Callable

import pytest

from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.password_policy import PolicyError, password_policy, read_password_policy
from ldap_sink.protocol.results import LdapResultError, Result
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.connecting import connected, person


async def bind(slapd: Slapd, dn: str, password: bytes) -> Result:
    """The result of a bind, whatever it is."""
    connection = await Connection.open(slapd.host, slapd.port)
    try:
        return await connection.bind(dn, password, [password_policy()])
    except LdapResultError as exc:
        return exc.result
    finally:
        await connection.close()


@pytest.fixture
async def slapd_with_policy(fresh_slapd: Callable[[SlapdOptions], Slapd]) -> Slapd:
    """A slapd that says why it refuses a bind."""
    policy = {"pwdMustChange": "TRUE"}
    return fresh_slapd(SlapdOptions(policy=policy, overlays=("ppolicy_use_lockout",)))


async def test_a_locked_account(slapd_with_policy: Slapd) -> None:
    """A locked account is told from a wrong password."""
    slapd = slapd_with_policy
    dn = f"cn=a,{slapd.target_dn}"
    async with connected(slapd) as ldap:
        await ldap.add(dn, person("a", userPassword=[b"right"], pwdAccountLockedTime=[b"000001010000Z"]))
    locked = await bind(slapd, dn, b"right")
    assert (locked.code, read_password_policy(locked)) == (49, PolicyError.ACCOUNT_LOCKED)
    wrong = await bind(slapd, slapd.sync_dn, b"wrong")
    assert (wrong.code, read_password_policy(wrong)) == (49, None)


async def test_a_password_that_must_be_changed(slapd_with_policy: Slapd) -> None:
    """A bind that succeeds can carry a demand."""
    slapd = slapd_with_policy
    dn = f"cn=a,{slapd.target_dn}"
    async with connected(slapd) as ldap:
        await ldap.add(dn, person("a", userPassword=[b"right"], pwdReset=[b"TRUE"]))
    result = await bind(slapd, dn, b"right")
    assert (result.code, read_password_policy(result)) == (0, PolicyError.CHANGE_AFTER_RESET)
