"""Whose fault a refusal is, on a real slapd that refuses for many reasons."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ldap_sink.directory import Directory
from ldap_sink.failures import Judged
from ldap_sink.probe_entries import PROBE_PREFIX, is_probe
from ldap_sink.probing import Prober
from ldap_sink.protocol.framing import FrameReader
from ldap_sink.reading import read_target
from schemas.dn import DN, RDN
from schemas.entries import AttributeChange, FoundEntry, Modify, ModifyOperation, Move
from schemas.errors import Halting, Permanent, Retryable
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from tests.support.directory_dump import read_tree
from tests.support.proxy import Proxy
from tests.support.sink import ADD, DELETE, RELAX, leave_probe, make_target, once, settings_for, unit, watched, write

CHANGE = (AttributeChange(ModifyOperation.ADD, "description", (b"x",)),)
SOME = Judged(53, "some refusal")


async def refusal(directory: Directory, seen: FoundEntry) -> Judged:
    """What the server says to a change."""
    with pytest.raises(Judged) as caught:
        await directory.modify(Modify(seen.dn, CHANGE), seen)
    return caught.value


def probes(slapd: Slapd, target: DN) -> list[str]:
    """The probes that are there."""
    return [dn for dn in read_tree(slapd, str(target)) if is_probe(DN.parse(dn), target)]


def protect(slapd: Slapd, dn: DN, scope: str = "exact") -> None:
    """Let nobody but the rootdn change an entry, or a subtree."""
    rule = f'{{0}}to dn.{scope}="{dn}" by * read'
    slapd.modify_configuration(f"dn: {DATABASE_CONFIG_DN}\nchangetype: modify\nadd: olcAccess\nolcAccess: {rule}\n")


async def test_a_read_only_server_halts_until_it_is_mended(fresh_slapd: Callable[..., Slapd]) -> None:
    """It refuses everything with 53: no event is at fault. While it does, nobody goes on."""
    slapd = fresh_slapd()
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings) as opened:
        entry = await opened.directory.add(unit(settings.target_dn.child(RDN.of("ou", "a"))))
        slapd.set_read_only(True)
        verdict = await Prober(opened.directory).judge(await refusal(opened.directory, entry))
        assert isinstance(verdict, Halting)
        assert (verdict.reason, "restricted" in verdict.detail) == ("write_refused", True)
        for _ in range(3):  # halted, and halted again after each look
            await opened.until("write_refused")
        assert not opened.directory.state.up
        slapd.set_read_only(False)
        await opened.until(None)
        await opened.directory.modify(Modify(entry.dn, CHANGE), entry)


async def test_an_administrator_who_may_only_read_halts(fresh_slapd: Callable[..., Slapd]) -> None:
    """It is refused with 50, and so is the probe: no event is at fault."""
    slapd = fresh_slapd()
    target, target_uuid = make_target(slapd)
    protect(slapd, target, "subtree")
    settings = settings_for(slapd, target, target_uuid, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    async with watched(settings) as opened:
        with pytest.raises(Judged) as caught:
            await opened.directory.add(unit(target.child(RDN.of("ou", "a"))))
        verdict = await Prober(opened.directory).judge(caught.value)
        assert isinstance(verdict, Halting)
        assert verdict.reason == "write_refused"
        assert "give connection.admin_dn the right to write there" in str(verdict)
        await opened.until("write_refused")


async def test_a_full_database_is_waited_for(fresh_slapd: Callable[..., Slapd]) -> None:
    """It answers 80; somebody will make room. That a smaller entry would find room says nothing."""
    slapd = fresh_slapd(SlapdOptions(max_size=1 << 20))
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings) as opened:
        caught: Judged | None = None
        for number in range(1000):
            change = unit(settings.target_dn.child(RDN.of("ou", f"{number}")))
            try:
                await opened.directory.add(
                    replace(change, attributes={**change.attributes, "description": (b"x" * 20000,)})
                )
            except Judged as exc:
                caught = exc
                break
        assert caught is not None
        assert caught.code == 80
        verdict = await Prober(opened.directory).judge(caught)
        assert isinstance(verdict, Retryable)
        assert verdict.reason == "other"
        assert opened.directory.state.up


async def test_one_protected_entry_is_that_events_fault(fresh_slapd: Callable[..., Slapd]) -> None:
    """It answers 50, and the probe succeeds; nothing of it stays."""
    slapd = fresh_slapd()
    settings = settings_for(slapd, *make_target(slapd))
    settings = replace(settings, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    async with watched(settings) as opened:
        entry = await opened.directory.add(unit(settings.target_dn.child(RDN.of("ou", "vip"))))
        protect(slapd, entry.dn)
        caught = await refusal(opened.directory, entry)
        verdict = await Prober(opened.directory).judge(caught)
        assert isinstance(verdict, Permanent)
        assert (caught.code, verdict.detail) == (50, caught.detail)
    assert probes(slapd, settings.target_dn) == []


async def test_an_administrator_who_may_write_nothing_halts(fresh_slapd: Callable[..., Slapd]) -> None:
    """It answers 50 to the probe too."""
    slapd = fresh_slapd()
    settings = settings_for(slapd, *make_target(slapd))
    rule = f'{{0}}to dn.subtree="{settings.target_dn}" by * read'
    slapd.modify_configuration(f"dn: {DATABASE_CONFIG_DN}\nchangetype: modify\nadd: olcAccess\nolcAccess: {rule}\n")
    settings = replace(settings, admin_dn=slapd.sync_dn, password=slapd.sync_password.encode)
    async with watched(settings) as opened:
        verdict = await Prober(opened.directory).judge(SOME)
        assert isinstance(verdict, Halting)
        assert "insufficientAccessRights" in verdict.detail


async def test_a_move_below_itself_is_that_events_fault(slapd: Slapd) -> None:
    """It answers 53, as a read-only server does."""
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings) as opened:
        entry = await opened.directory.add(unit(settings.target_dn.child(RDN.of("ou", "a"))))
        move = Move(entry.dn, RDN.of("ou", "b"), entry.dn, delete_old_rdn=True)
        with pytest.raises(Judged) as caught:
            await opened.directory.move(move, entry)
        assert caught.value.code == 53
        assert isinstance(await Prober(opened.directory).judge(caught.value), Permanent)


async def test_a_probe_that_succeeded_before_says_nothing(fresh_slapd: Callable[..., Slapd]) -> None:
    """The server became read-only since: nobody's event is thrown away."""
    slapd = fresh_slapd()
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings) as opened:
        prober = Prober(opened.directory, interval=0.2)
        assert isinstance(await prober.judge(SOME), Permanent)
        slapd.set_read_only(True)
        assert isinstance(await prober.judge(SOME), Halting)


async def test_many_refusals_share_a_probe(slapd: Slapd, proxy: Callable[..., Proxy]) -> None:
    """All that were refused before it began."""
    front = proxy(slapd.port, record=True)
    settings = settings_for(slapd, *make_target(slapd), port=front.port)
    async with watched(settings) as opened:
        prober = Prober(opened.directory, interval=0.2)
        verdicts = [await prober.judge(SOME), *await asyncio.gather(*(prober.judge(SOME) for _ in range(20)))]
        assert all(isinstance(verdict, Permanent) for verdict in verdicts)
    _, frames = FrameReader().feed(bytes(front.requests))
    assert [frame[1] for frame in frames].count(ADD) == 2


async def test_a_probe_goes_around_the_fence(slapd: Slapd) -> None:
    """Whoever may not write must learn all the same why a write was refused."""
    settings = settings_for(slapd, *make_target(slapd))
    async with watched(settings, may_write=lambda: False) as opened:
        assert isinstance(await Prober(opened.directory).judge(SOME), Permanent)


async def test_older_probes_are_removed_and_never_reported(slapd: Slapd) -> None:
    """One was left behind; another process's stays, and an entry that is no probe, whatever its name begins with."""
    settings = settings_for(slapd, *make_target(slapd))
    target = settings.target_dn
    leave_probe(slapd, target)
    young = leave_probe(slapd, target, "2", old=False)
    group = target.child(RDN.of("cn", f"{PROBE_PREFIX}3"))
    attributes = {"ou": f"{PROBE_PREFIX}3", "createTimestamp": "20200101000000Z"}
    write(slapd, lambda admin: admin.add(str(group), "organizationalRole", attributes, controls=[RELAX]))
    assert [found.dn for page in [page async for page in read_target(settings, ())] for found in page] == [group]
    async with watched(settings) as opened:
        await Prober(opened.directory).judge(SOME)
    assert sorted(read_tree(slapd, str(target))) == sorted(map(str, (target, young, group)))


async def test_a_probe_that_another_process_removes_is_removed(slapd: Slapd, proxy: Callable[..., Proxy]) -> None:
    """What was to be shown is shown."""
    front = proxy(slapd.port)
    settings = settings_for(slapd, *make_target(slapd), port=front.port)

    def remove() -> None:
        [dn] = probes(slapd, settings.target_dn)
        write(slapd, lambda admin: admin.delete(dn))

    front.on_request = once(DELETE, remove)
    async with watched(settings) as opened:
        assert isinstance(await Prober(opened.directory).judge(SOME), Permanent)
    assert probes(slapd, settings.target_dn) == []
