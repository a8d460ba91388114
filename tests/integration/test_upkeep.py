"""The directory's connection on a real slapd: what brings it down, and what brings it back."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap3
import pytest

from ldap_sink.protocol.filters import equality
from ldap_sink.session import open_encrypted, read_entry_uuid
from ldap_sink.settings import DirectorySettings
from ldap_sink.upkeep import DirectoryState
from schemas.dn import RDN
from schemas.errors import ConfigurationError, Halting, LdapflowError, Retryable
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from streams.settings import load_settings
from streams.settings.directory import directory_settings
from tests.support.program import write_configuration
from tests.support.sink import LIMIT_SECONDS, entry_uuid, make_target, settings_for, unit, watched, write


def _settings(slapd: Slapd) -> DirectorySettings:
    return settings_for(slapd, *make_target(slapd))


def _reason(error: pytest.ExceptionInfo[LdapflowError]) -> str:
    assert isinstance(error.value, Halting | Retryable)
    return error.value.reason


async def test_comes_back_after_a_restart(fresh_slapd: Callable[..., Slapd]) -> None:
    """The state says so, and an operation that comes meanwhile waits."""
    slapd = fresh_slapd()
    settings = _settings(slapd)
    async with watched(settings) as opened:
        await opened.until(None)
        slapd.stop()
        await opened.until("connection_lost")
        reading = asyncio.create_task(opened.directory.read(settings.target_dn, ["ou"]))
        await opened.until("connect_failed")
        assert not reading.done()
        slapd.start()
        found = await reading
        assert found is not None
        assert opened.directory.state == DirectoryState(up=True)


async def test_the_schema_is_read_again_after_a_restart(fresh_slapd: Callable[..., Slapd]) -> None:
    """Once for each connection: the server may have come back with another one."""
    slapd = fresh_slapd()
    async with watched(_settings(slapd)) as opened:
        first = await opened.directory.subschema()
        assert first.key("userid") == "uid"
        assert first.single_valued("displayName")
        assert await opened.directory.subschema() is first
        await opened.until(None)
        slapd.restart()
        await opened.until(None)
        assert await opened.directory.subschema() is not first


async def test_without_a_recorded_target_nothing_begins(slapd: Slapd) -> None:
    """`ldapflow pin` comes first."""
    settings = replace(_settings(slapd), target_entry_uuid=None)
    async with watched(settings) as opened:
        await opened.until("target_not_pinned")
        with pytest.raises(Halting, match="ldapflow pin"):
            await opened.directory.read(settings.target_dn)


async def test_reads_an_entry_uuid_for_the_pin(slapd: Slapd) -> None:
    """Whatever is recorded; None for what is not there."""
    settings = replace(_settings(slapd), target_entry_uuid=None)
    assert await read_entry_uuid(settings, settings.target_dn) == entry_uuid(slapd, settings.target_dn)
    assert await read_entry_uuid(settings, settings.target_dn.child(RDN.of("ou", "none"))) is None


async def test_a_wrong_password_halts_until_it_is_mended(slapd: Slapd) -> None:
    """It is asked for again at each try: the file may have been changed. It appears nowhere."""
    passwords = [b"wrong-password"]
    settings = replace(_settings(slapd), password=lambda: passwords[-1])
    async with watched(settings) as opened:
        state = await opened.until("invalid_credentials")
        assert "wrong-password" not in f"{state!r} {settings!r}"
        with pytest.raises(Halting):
            await opened.directory.session()
        waiting = asyncio.create_task(opened.directory.up())
        passwords.append(slapd.admin_password.encode())
        async with asyncio.timeout(LIMIT_SECONDS):
            await waiting
        assert opened.directory.state.up


async def test_a_password_file_is_read_again_when_the_server_refuses_what_it_held(
    fresh_slapd: Callable[..., Slapd], tmp_path: Path
) -> None:
    """It is changed on the server first, then in the file; nobody restarts anything. The mode is looked at too."""
    slapd = fresh_slapd()
    target, target_uuid = make_target(slapd)
    path = write_configuration(
        tmp_path,
        slapd=slapd,
        connection={"admin_dn": slapd.sync_dn},
        sync={"target_dn": str(target), "target_entry_uuid": target_uuid},
    )
    file = path.with_name("ldap-password")
    file.write_text(slapd.sync_password)
    settings = replace(directory_settings(load_settings(path, {})), halted_retry=0.05, backoff=(0.01, 0.1))
    async with watched(settings) as opened:
        await opened.until(None)
        new = {"userPassword": [(ldap3.MODIFY_REPLACE, ["rotated-s3cret"])]}
        write(slapd, lambda admin: admin.modify(slapd.sync_dn, new))
        slapd.restart()
        state = await opened.until("invalid_credentials")
        assert slapd.sync_password not in str(state.problem)
        file.write_text("rotated-s3cret")
        await opened.until(None)
        file.chmod(0o644)
        slapd.restart()
        state = await opened.until("password_unreadable")
        assert f"chmod 600 {file}" in str(state.problem)
        file.chmod(0o600)
        await opened.until(None)
        await opened.directory.add(unit(target.child(RDN.of("ou", "a"))))


@pytest.mark.parametrize("content", [None, b""])
async def test_without_a_password_there_is_no_anonymous_bind(
    slapd: Slapd, tmp_path: Path, content: bytes | None
) -> None:
    """A missing file, an empty one: slapd would take an empty password for anonymous and say success."""
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    async with watched(replace(_settings(slapd), password=file.read_bytes)) as opened:
        await opened.until("password_unreadable")


async def test_a_password_file_that_is_not_accepted_halts(slapd: Slapd) -> None:
    """Such as one that everybody may read: the connection is kept waiting, not broken."""

    def refuse() -> bytes:
        raise ConfigurationError("secrets/ldap-password may be read by others: chmod 600")

    async with watched(replace(_settings(slapd), password=refuse)) as opened:
        state = await opened.until("password_unreadable")
        assert "chmod 600" in str(state.problem)


async def test_any_other_refusal_of_the_bind_halts_too(slapd: Slapd) -> None:
    """Before the first event, what is elsewhere the event's fault is the configuration's."""
    async with watched(replace(_settings(slapd), admin_dn="not a DN")) as opened:
        await opened.until("bind_refused")


async def test_a_search_below_a_target_that_is_gone_halts_at_once(slapd: Slapd) -> None:
    """An empty answer would say that no entry is anywhere."""
    settings = replace(_settings(slapd), target_check=60)
    async with watched(settings) as opened:
        await opened.until(None)
        write(slapd, lambda admin: admin.delete(str(settings.target_dn)))
        with pytest.raises(Halting) as caught:
            await opened.directory.find(equality("ou", "a"))
        assert _reason(caught) == "target_missing"
        await opened.until("target_missing")


async def test_an_operation_may_show_that_we_are_wrong(fresh_slapd: Callable[..., Slapd]) -> None:
    """A server that demands encryption for writes halts all of them, until it does not any more."""
    slapd = fresh_slapd()
    settings = _settings(slapd)
    dn = settings.target_dn.child(RDN.of("ou", "a"))

    def demand(ssf: int) -> None:
        ldif = f"dn: {DATABASE_CONFIG_DN}\nchangetype: modify\nreplace: olcSecurity\nolcSecurity: update_ssf={ssf}\n"
        slapd.modify_configuration(ldif)

    async with watched(settings) as opened:
        await opened.until(None)
        demand(128)
        with pytest.raises(Halting) as caught:
            await opened.directory.add(unit(dn))
        assert _reason(caught) == "confidentiality_required"
        await opened.until("confidentiality_required")
        demand(0)
        await opened.until(None)
        await opened.directory.add(unit(dn))


async def test_plaintext_to_another_machine_is_refused(slapd: Slapd) -> None:
    """Before anything is sent; the address is one of RFC 5737, where nobody answers."""
    with pytest.raises(Halting) as caught:
        await open_encrypted(replace(_settings(slapd), host="192.0.2.1"))
    assert _reason(caught) == "plaintext_refused"


async def test_where_plaintext_is_sent_is_looked_up_once(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever answers a second look-up with another address would be told the password."""
    loop, asked = asyncio.get_running_loop(), []
    real = loop.getaddrinfo

    async def look_up(host: str, port: int, **options: Any) -> Any:
        asked.append(host)
        return await real(slapd.host if len(asked) == 1 else "192.0.2.1", port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    connection = await open_encrypted(replace(_settings(slapd), host="ldap.example.com", connect_timeout=1))
    await connection.close()
    assert asked == ["ldap.example.com"]


async def test_a_server_on_one_of_several_addresses_is_found(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is two of them mostly, and slapd may listen on one."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def look_up(_: str, port: int, **options: Any) -> Any:
        return [*await real("127.0.0.2", port, **options), *await real(slapd.host, port, **options)]

    monkeypatch.setattr(loop, "getaddrinfo", look_up)
    connection = await open_encrypted(replace(_settings(slapd), host="ldap.example.com"))
    await connection.close()


async def test_plaintext_to_another_machine_may_be_allowed(slapd: Slapd) -> None:
    """Then it is tried."""
    settings = replace(_settings(slapd), host="192.0.2.1", allow_plaintext=True, connect_timeout=0.05)
    with pytest.raises(Retryable):
        await open_encrypted(settings)
