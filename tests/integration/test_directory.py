"""The directory's connection on a real slapd: what it takes to be up, what brings it down, what brings it back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.protocol.filters import equality
from ldap_sink.session import open_encrypted, read_entry_uuid
from ldap_sink.settings import DirectorySettings
from ldap_sink.upkeep import DirectoryState
from schemas.dn import RDN
from schemas.entries import Add, AttributeChange, Delete, FoundEntry, Modify, ModifyOperation, Move
from schemas.errors import Halting, LdapflowError, Permanent, Retryable
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from tests.support.directory_dump import read_tree
from tests.support.sink import entry_uuid, make_target, settings_for, unit, write

_LIMIT_SECONDS = 10
_BIND_REQUEST = 0x60


@dataclass
class Watched:
    """An open directory, and the states it goes through."""

    directory: Directory
    states: asyncio.Queue[DirectoryState]

    async def until(self, reason: str | None) -> DirectoryState:
        """Wait for a state with that reason; None: up."""
        async with asyncio.timeout(_LIMIT_SECONDS):
            while True:
                state = await self.states.get()
                problem = state.problem
                if (state.up and reason is None) or (problem is not None and problem.reason == reason):
                    return state


@asynccontextmanager
async def watched(settings: DirectorySettings, may_write: Callable[[], bool] = lambda: True) -> AsyncIterator[Watched]:
    """Open a directory."""
    states: asyncio.Queue[DirectoryState] = asyncio.Queue()
    async with Directory(settings, may_write=may_write, on_state_change=states.put_nowait) as directory:
        yield Watched(directory, states)


def _settings(slapd: Slapd) -> DirectorySettings:
    return settings_for(slapd, *make_target(slapd))


def _reason(error: pytest.ExceptionInfo[LdapflowError]) -> str:
    assert isinstance(error.value, Halting | Retryable)
    return error.value.reason


async def test_writes_and_reads(slapd: Slapd) -> None:
    """Each write returns the entry as it is then, by which the next one is asserted."""
    settings = _settings(slapd)
    dn = settings.target_dn.child(RDN.of("ou", "a"))
    async with watched(settings) as opened:
        directory = opened.directory
        added = await directory.add(unit(dn), ["ou"])
        assert added == await directory.read(dn, ["ou"])
        change = AttributeChange(ModifyOperation.ADD, "description", (b"x",))
        modified = await directory.modify(Modify(dn, (change,)), added, ["description"])
        assert modified.attributes == {"description": (b"x",)}
        moved = await directory.move(Move(dn, RDN.of("ou", "b"), None, delete_old_rdn=True), modified, ["ou"])
        assert (moved.dn, moved.attributes) == (settings.target_dn.child(RDN.of("ou", "b")), {"ou": (b"b",)})
        await directory.delete(Delete(moved.dn), moved)
        assert await directory.read(moved.dn) is None


async def test_a_write_that_is_not_to_what_was_seen_is_a_conflict(slapd: Slapd) -> None:
    """Another entryUUID, another entryCSN: nothing is written."""
    settings = _settings(slapd)
    dn = settings.target_dn.child(RDN.of("ou", "a"))
    async with watched(settings) as opened:
        added = await opened.directory.add(unit(dn))
        for seen in (
            replace(added, entry_uuid="00000000-0000-0000-0000-000000000000"),
            replace(added, entry_csn=b"20200101000000.000000Z#000000#000#000000"),
        ):
            with pytest.raises(Conflict):
                await opened.directory.delete(Delete(dn), seen)
        assert await opened.directory.read(dn) == added


async def test_finds_below_the_target_alone(slapd: Slapd) -> None:
    """Neither the target itself nor another branch."""
    settings, other = _settings(slapd), _settings(slapd)
    async with watched(settings) as opened, watched(other) as elsewhere:
        found = await opened.directory.add(unit(settings.target_dn.child(RDN.of("ou", "same"))))
        await elsewhere.directory.add(unit(other.target_dn.child(RDN.of("ou", "same"))))
        assert await opened.directory.find(equality("ou", "same")) == [found]
        assert await opened.directory.find(equality("objectClass", "organizationalUnit")) == [found]


async def test_nothing_is_written_outside_of_the_target(slapd: Slapd) -> None:
    """The target itself, what is beside it, and a move that leads out of it."""
    settings = _settings(slapd)
    target = settings.target_dn
    inside, outside = target.child(RDN.of("ou", "a")), target.parent.child(RDN.of("ou", "outside"))
    async with watched(settings) as opened:
        directory = opened.directory
        added = await directory.add(unit(inside))
        before = read_tree(slapd, str(target.parent))
        seen = FoundEntry(target, directory.target, b"", {})
        for write_outside in (
            directory.add(unit(outside)),
            directory.delete(Delete(target), seen),
            directory.modify(Modify(target, ()), seen),
            directory.move(Move(inside, inside.rdn, target.parent, delete_old_rdn=False), added),
        ):
            with pytest.raises(RuntimeError, match="outside"):
                await write_outside
        assert read_tree(slapd, str(target.parent)) == before


async def test_a_fenced_worker_writes_nothing(slapd: Slapd) -> None:
    """Reading goes on."""
    settings = _settings(slapd)
    dn = settings.target_dn.child(RDN.of("ou", "a"))
    async with watched(settings, may_write=lambda: False) as opened:
        with pytest.raises(Retryable) as caught:
            await opened.directory.add(unit(dn))
        assert _reason(caught) == "fenced"
        assert await opened.directory.read(dn) is None


async def test_a_parent_is_written_before_its_children(slapd: Slapd) -> None:
    """All are sent at once over one connection, where slapd lets them overtake each other."""
    settings = _settings(slapd)
    dns = [settings.target_dn]
    for depth in range(50):
        dns.append(dns[-1].child(RDN.of("ou", str(depth))))
    async with watched(settings) as opened:
        await opened.until(None)
        await asyncio.gather(*(opened.directory.add(unit(dn)) for dn in dns[1:]))
        assert await opened.directory.read(dns[-1]) is not None


async def test_operations_are_observed(slapd: Slapd) -> None:
    """Name and result, from fixed sets; seconds. A refusal of our own is no success either."""
    settings = _settings(slapd)
    dn = settings.target_dn.child(RDN.of("ou", "a"))
    seen: list[tuple[str, str]] = []

    def observe(operation: str, result: str, seconds: float) -> None:
        assert 0 <= seconds < _LIMIT_SECONDS
        seen.append((operation, result))

    async with Directory(settings, may_write=lambda: True, observe=observe) as directory:
        await directory.read(dn)
        await directory.add(unit(dn))
        with pytest.raises(Conflict):
            await directory.add(unit(dn))
        with pytest.raises(Permanent):
            await directory.add(Add(dn, {"objectClass": (b"device",), "description": (b"x" * 5_000_000,)}))
    assert seen == [("read", "success"), ("add", "success"), ("add", "entryAlreadyExists"), ("add", "too_large")]


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


async def test_a_target_that_vanishes_halts_until_it_is_back(slapd: Slapd) -> None:
    """Found by the regular look; nothing is written meanwhile."""
    settings = _settings(slapd)
    target = settings.target_dn
    away = RDN.parse(f"{target.rdn}-away")
    async with watched(settings) as opened:
        await opened.until(None)
        write(slapd, lambda admin: admin.modify_dn(str(target), str(away)))
        await opened.until("target_missing")
        with pytest.raises(Halting) as caught:
            await opened.directory.add(unit(target.child(RDN.of("ou", "a"))))
        assert _reason(caught) == "target_missing"
        moved = str(target.parent.child(away))
        write(slapd, lambda admin: admin.modify_dn(moved, str(target.rdn)))
        await opened.until(None)
        await opened.directory.add(unit(target.child(RDN.of("ou", "a"))))


async def test_a_target_that_was_made_anew_halts(slapd: Slapd) -> None:
    """Same DN, another entryUUID: it may be another directory."""
    settings = _settings(slapd)
    target = str(settings.target_dn)
    async with watched(settings) as opened:
        await opened.until(None)

        def make_anew() -> None:
            write(slapd, lambda admin: admin.delete(target))
            write(slapd, lambda admin: admin.add(target, "organizationalUnit"))

        make_anew()
        state = await opened.until("target_changed")
        assert state.problem is not None
        assert str(settings.target_entry_uuid) in state.problem.detail
        assert entry_uuid(slapd, settings.target_dn) in state.problem.detail


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
        async with asyncio.timeout(_LIMIT_SECONDS):
            await waiting
        assert opened.directory.state.up


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


async def test_plaintext_to_another_machine_may_be_allowed(slapd: Slapd) -> None:
    """Then it is tried."""
    settings = replace(_settings(slapd), host="192.0.2.1", allow_plaintext=True, connect_timeout=0.05)
    with pytest.raises(Retryable):
        await open_encrypted(settings)
