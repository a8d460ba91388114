"""An endpoint of one's own: every LDAP connection comes from its address, and from no other."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ldap_sink.lock_proof import prove_lock
from ldap_sink.reading import read_target
from ldap_sink.session import read_entry_uuid
from ldap_sink.settings import DirectorySettings
from schemas.dn import RDN
from schemas.errors import Halting, Retryable
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from streams.settings import Settings
from streams.settings.directory import directory_settings
from tests.support.sink import make_target, settings_for, unit, watched

_OURS = "127.0.0.2"
# All of 127.0.0.0/8 is this machine. The rootdn would be bound by no rule.
_RULE = f"""\
dn: {DATABASE_CONFIG_DN}
changetype: modify
add: olcAccess
olcAccess: {{0}}to * by peername.ip={_OURS} break by * none
"""


@pytest.fixture
def settings(fresh_slapd: Callable[..., Slapd]) -> DirectorySettings:
    """Of a directory that lets in nobody but who comes from our address."""
    slapd = fresh_slapd()
    target, target_uuid = make_target(slapd)
    slapd.modify_configuration(_RULE)
    return settings_for(
        slapd,
        target,
        target_uuid,
        admin_dn=slapd.sync_dn,
        password=slapd.sync_password.encode,
        source_address=_OURS,
    )


async def _write(settings: DirectorySettings) -> None:
    async with watched(settings) as opened:
        await opened.directory.add(unit(settings.target_dn.child(RDN.of("ou", "a"))))


async def _read_all(settings: DirectorySettings) -> None:
    async for _ in read_target(settings, ()):
        pass


async def _read_for_pin(settings: DirectorySettings) -> None:
    await read_entry_uuid(settings, settings.target_dn)


@pytest.mark.parametrize("use", [_write, _read_all, _read_for_pin, prove_lock])
async def test_every_connection_comes_from_the_endpoints_address(
    settings: DirectorySettings, use: Callable[[DirectorySettings], Awaitable[None]]
) -> None:
    """The worker's, a verification's, the command line's, and those that probe a lock; from elsewhere none gets in."""
    await use(settings)
    with pytest.raises(Halting) as caught:
        await use(replace(settings, source_address=None))
    assert caught.value.reason == "invalid_credentials"


async def test_an_address_of_another_machine_is_told(settings: DirectorySettings) -> None:
    """192.0.2.1 belongs to nobody (RFC 5737)."""
    with pytest.raises(Retryable, match=r"192\.0\.2\.1"):
        await _read_for_pin(replace(settings, source_address="192.0.2.1"))


def test_the_configuration_names_the_address() -> None:
    """By the name of the endpoint; shared means any."""

    def address(endpoint: str) -> str | None:
        document: dict[str, Any] = {
            "connection": {"server": "ldap://h", "admin_dn": "cn=a", "admin_password": "x", "endpoint": endpoint},
            "endpoints": {"vpc": {"source_address": _OURS}},
            "sync": {"target_dn": "ou=x"},
        }
        return directory_settings(Settings.model_validate(document)).source_address

    assert (address("vpc"), address("shared")) == (_OURS, None)
