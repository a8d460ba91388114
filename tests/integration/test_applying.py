"""One state to its entry on a real slapd, while the directory and the view say different things."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import ldap3
import pytest

from ldap_sink.probe_entries import PROBE_PREFIX
from schemas.dn import DN, RDN
from schemas.entries import Add, Modify, Move
from schemas.errors import Halting, Retryable
from schemas.states import AwaitsEntity, AwaitsTime, Status
from streams.sandbox.slapd import Slapd
from streams.settings import DisabledAccounts, Settings
from streams.worker.applying.attempt import Verdict
from streams.worker.applying.parents import Parent, Parents
from tests.support.applying import ApplierBench, account, unit
from tests.support.configuration import SMALLEST, load
from tests.support.proxy import Proxy
from tests.support.sink import ADD, SEARCH, Bench, has_request, open_bench, organization, person, subject, write

__all__ = ["load"]  # the fixture


@pytest.fixture
def settings(load: Callable[..., Settings]) -> Settings:
    return load(SMALLEST)


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


async def stale(bench: Bench, settings: Settings) -> ApplierBench:
    """An applier that has written below `ou_1`, which another worker has renamed since; `ou_2` has its name now."""
    worker = ApplierBench(bench, settings)
    first = await worker.organization("ou_1", "rd")
    await worker.apply(account("a0", "first", "ou_1"))
    await bench.applied("ou_1", organization("research"), first)
    await bench.applied("ou_2", organization("rd"))
    return worker


async def test_an_entry_that_went_to_another_organization_is_brought_to_its_own(
    bench: Bench, settings: Settings
) -> None:
    """Another worker has given the DN away, and the view does not know it yet."""
    worker = await stale(bench, settings)
    verdict, attempt = await worker.apply(account("a1", "mei", "ou_1"))
    assert verdict == Verdict(Status.APPLIED)
    assert [type(change) for change in attempt.changes] == [Add, Move]
    assert sorted(bench.tree()) == ["ou=rd", "ou=research", "uid=first,ou=research", "uid=mei,ou=research"]


async def test_an_entry_that_is_to_move_into_an_organization_does_not_stay_in_another(
    bench: Bench, settings: Settings
) -> None:
    """A ModifyDN goes astray as an Add does."""
    worker = await stale(bench, settings)
    _, made = await worker.apply(account("a1", "mei"))
    verdict, _ = await worker.apply(account("a1", "mei", "ou_1"), made.binding)
    assert verdict == Verdict(Status.APPLIED)
    assert "uid=mei,ou=research" in bench.tree()


async def test_nobody_waits_for_a_name_in_another_organization(bench: Bench, settings: Settings) -> None:
    """Who has it there does not stand in the way."""
    worker = await stale(bench, settings)
    await bench.applied("ou_9", organization("lab"), parent=bench.target.child(RDN.of("ou", "rd")))
    verdict, _ = await worker.apply(unit("ou_3", "lab", "ou_1"))
    assert verdict == Verdict(Status.APPLIED)
    assert "ou=lab,ou=research" in bench.tree()


async def test_who_finds_its_entry_and_cannot_have_its_name_is_bound_and_locked(
    bench: Bench, settings: Settings
) -> None:
    """While it waits, as one that was bound before; what is in its way is told."""
    worker = ApplierBench(bench, settings, DisabledAccounts.LOCK)
    entry_uuid = bench.entry_uuid(bench.make("cn=old", cn="old", sn="old", uid="mei"))
    stranger = bench.make("uid=mei", "account")
    verdict, attempt = await worker.apply(account("a1", "mei", status="disabled"))
    expected = Verdict(Status.WAITING, "foreign_entry", AwaitsTime(), stranger=bench.entry_uuid(stranger))
    assert (verdict, attempt.has_adopted, attempt.state.locked) == (expected, True, True)
    assert attempt.binding is not None
    assert attempt.binding.entry_uuid == entry_uuid
    assert "pwdAccountLockedTime" in bench.tree(operational=True)["cn=old"]


async def test_what_was_not_seen_after_a_write_is_not_trusted_by_the_next_try(
    slapd: Slapd, proxy: Callable[..., Proxy], settings: Settings
) -> None:
    """The connection breaks after the Add: the next try finds the entry as it should be, but for its place."""
    front = proxy(slapd.port)
    async with open_bench(slapd, port=front.port, target_check=60) as bench:
        worker = await stale(bench, settings)
        added = False

        def cut(chunk: bytes) -> bytes | None:
            nonlocal added
            if added and has_request(chunk, SEARCH):
                front.on_request = None
                front.cut()
                return None
            added = added or has_request(chunk, ADD)
            return chunk

        front.on_request = cut
        attempt = worker.attempt(account("a1", "mei", "ou_1"))
        async with attempt.until_recorded:
            with pytest.raises(Retryable):
                await worker.applier.apply(attempt)
            assert "uid=mei,ou=rd" in bench.tree()
            assert await worker.applier.apply(attempt) == Verdict(Status.APPLIED)
        assert "uid=mei,ou=research" in bench.tree()


async def test_one_read_of_a_parent_answers_all_who_ask_before_it(bench: Bench, settings: Settings) -> None:
    """The first reads; all others asked when it had begun, and share the next read."""
    worker = ApplierBench(bench, settings)
    binding = await worker.organization("ou_1", "rd")
    parents = Parents(bench.directory, bench.sink, worker.view)
    parent = Parent(DN.parse(binding.dn), binding.entry_uuid)
    bench.operations.clear()
    assert await asyncio.gather(*(parents.stands(parent) for _ in range(20))) == [True] * 20
    assert bench.operations == ["read", "read"]


async def test_who_waits_for_its_place_lets_go_of_an_entry_that_says_it_is_anothers(
    bench: Bench, load: Callable[..., Settings]
) -> None:
    """Else its owner would be one of two who are bound to it, and the later one; one that is nowhere stays bound."""
    worker = ApplierBench(bench, load(f"{SMALLEST}users: {{id_attribute: employeeNumber}}\n"))
    _, made = await worker.apply(account("a1", "mei"))
    bound = made.binding
    assert bound is not None
    homeless = account("a1", "mei", "ou_unknown")
    theirs = {"employeeNumber": [(ldap3.MODIFY_REPLACE, ["a2"])]}
    write(bench.slapd, lambda admin: admin.modify(bound.dn, theirs))
    verdict, attempt = await worker.apply(homeless, bound)
    assert (verdict.status, attempt.binding, attempt.changes) == (Status.WAITING, None, [])
    write(bench.slapd, lambda admin: admin.delete(bound.dn))
    _, attempt = await worker.apply(homeless, bound)
    assert attempt.binding == bound


@pytest.fixture
async def qualifying(bench: Bench, load: Callable[..., Settings]) -> ApplierBench:
    """Who cannot be `uid=mei`, because `a1` is, becomes `uid=mei+employeeNumber=…`."""
    users = "users: {id_attribute: employeeNumber, rdn_conflict: qualify}\n"
    worker = ApplierBench(bench, load(SMALLEST + users))
    wanted = replace(person("mei", employeeNumber="a1"), id_attribute="employeeNumber")
    await bench.applied("a1", wanted)
    return worker


async def test_a_name_is_qualified_by_the_id_where_the_identifier_names_entries(
    bench: Bench, qualifying: ApplierBench
) -> None:
    """`employeeNumber` takes one value: it stays the same."""
    _, made = await qualifying.apply(account("a2", "may"))
    verdict, attempt = await qualifying.apply(account("a2", "mei"), made.binding)
    assert (verdict, [type(change) for change in attempt.changes]) == (Verdict(Status.APPLIED), [Modify, Move])
    entry = bench.tree()["employeeNumber=a2+uid=mei"]
    assert (entry["uid"], entry["employeeNumber"]) == ([b"mei"], [b"a2"])


async def test_a_namesakes_entry_is_not_taken_for_ones_own(bench: Bench, qualifying: ApplierBench) -> None:
    """It has the same identifier."""
    verdict, attempt = await qualifying.apply(account("a2", "mei"))
    assert (verdict, [type(change) for change in attempt.changes]) == (Verdict(Status.APPLIED), [Add])
    assert sorted(bench.tree()) == ["employeeNumber=a2+uid=mei", "uid=mei"]


async def test_who_can_have_neither_name_waits_for_the_first(bench: Bench, qualifying: ApplierBench) -> None:
    """The qualified one belongs to nobody."""
    bench.make("uid=mei+employeeNumber=a2", ["account", "extensibleObject"])  # type: ignore[arg-type]
    before = bench.tree(operational=True)
    verdict, _ = await qualifying.apply(account("a2", "mei"))
    assert (verdict.status, verdict.reason, verdict.awaited) == (Status.WAITING, "dn_occupied", AwaitsEntity("a1"))
    assert bench.tree(operational=True) == before


NUMBERED = """
users:
  object_classes: [account, posixAccount]
  rdn: uidNumber
  mapping:
    - {attribute: uidNumber, field: user.userExternalId}
    - {attribute: uid, field: user.username, identifier: true}
    - {attribute: cn, field: user.username}
    - {attribute: gidNumber, constant: "1"}
    - {attribute: homeDirectory, constant: /}
  sign_in_ids: [uid]
"""


async def test_two_swap_names_that_can_only_be_numbers(bench: Bench, load: Callable[..., Settings]) -> None:
    """The one that steps aside takes a number, the same one again and again, until its own is free."""
    worker = ApplierBench(bench, load(SMALLEST + NUMBERED))
    names = {"a1": "mei", "a2": "ivan"}
    bindings = {}
    for identifier, number in (("a1", "1"), ("a2", "2")):
        _, made = await worker.apply(account(identifier, names[identifier], userExternalId=number))
        assert made.binding is not None
        bindings[identifier] = made.binding
        bench.holders[made.binding.entry_uuid] = subject(identifier)
    first, second = (account(of, names[of], userExternalId=number) for of, number in (("a1", "2"), ("a2", "1")))
    _, moved = await worker.apply(first, bindings["a1"], aside=True)
    assert moved.binding is not None
    assert re.fullmatch("uidNumber=[0-9]{12}", str(moved.binding.rdn))
    bindings["a1"] = moved.binding
    verdict, again = await worker.apply(first, bindings["a1"], aside=True)
    assert (verdict.status, again.changes) == (Status.WAITING, [])
    for record in (second, first):
        verdict, _ = await worker.apply(record, bindings[record.id])
        assert verdict == Verdict(Status.APPLIED)
    tree = bench.tree()
    assert {rdn: entry["uid"] for rdn, entry in tree.items()} == {"uidNumber=1": [b"ivan"], "uidNumber=2": [b"mei"]}


async def test_a_directory_that_is_read_only_now_and_then_makes_no_dead_letter(
    fresh_slapd: Callable[..., Slapd], proxy: Callable[..., Proxy], settings: Settings
) -> None:
    """It refuses the event twice, and takes the probe between: another probe, after the second refusal, says why."""
    slapd = fresh_slapd()
    front = proxy(slapd.port)
    async with open_bench(slapd, port=front.port) as bench:
        read_only = iter([True, False, True])

        def flap(chunk: bytes) -> bytes:
            if has_request(chunk, ADD):
                expected = next(read_only, None)
                if expected is not None:
                    assert (PROBE_PREFIX.encode() in chunk) is not expected
                    slapd.set_read_only(expected)
            return chunk

        front.on_request = flap
        with pytest.raises(Halting) as caught:
            await ApplierBench(bench, settings).apply(account("a1", "mei"))
        assert (caught.value.reason, next(read_only, None)) == ("write_refused", None)
