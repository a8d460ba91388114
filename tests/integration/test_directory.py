"""Reads and writes on a real slapd: where, in which order, and only if nothing changed meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.protocol.filters import equality
from ldap_sink.settings import DirectorySettings
from schemas.dn import RDN
from schemas.entries import Add, AttributeChange, Delete, FoundEntry, Modify, ModifyOperation, Move
from schemas.errors import Halting, LdapflowError, Permanent, Retryable
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import read_tree
from tests.support.proxy import Proxy
from tests.support.sink import LIMIT_SECONDS, SEARCH, make_target, once, settings_for, unit, watched


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


async def test_a_worker_that_is_fenced_while_a_write_waits_for_its_turn_does_not_send_it(
    slapd: Slapd, proxy: Callable[..., Proxy]
) -> None:
    """One request at a time: while the read is under way, others get our partitions."""
    front, may_write = proxy(slapd.port), [True]
    settings = replace(_settings(slapd), port=front.port, window=1, target_check=60)
    dn = settings.target_dn.child(RDN.of("ou", "a"))
    async with watched(settings, may_write=lambda: may_write[-1]) as opened:
        await opened.until(None)
        front.on_request = once(SEARCH, lambda: may_write.append(False))
        read, added = await asyncio.gather(
            opened.directory.read(settings.target_dn), opened.directory.add(unit(dn)), return_exceptions=True
        )
        assert isinstance(read, FoundEntry)
        assert isinstance(added, Retryable)
        assert (added.reason, await opened.directory.read(dn)) == ("fenced", None)


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
        assert 0 <= seconds < LIMIT_SECONDS
        seen.append((operation, result))

    async with Directory(settings, may_write=lambda: True, observe=observe) as directory:
        await directory.read(dn)
        await directory.add(unit(dn))
        with pytest.raises(Conflict):
            await directory.add(unit(dn))
        with pytest.raises(Permanent):
            await directory.add(Add(dn, {"objectClass": (b"device",), "description": (b"x" * 5_000_000,)}))
    assert seen == [("read", "success"), ("add", "success"), ("add", "entryAlreadyExists"), ("add", "too_large")]
