"""The sink on a real slapd: whatever the directory holds, afterwards it holds what is wanted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import ldap3
import pytest

from ldap_sink.outcomes import Applied, ParentMissing, Removed, Waits
from schemas.dn import DN, RDN
from schemas.entries import Add, Delete, Modify, Move
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsTime, Binding
from streams.sandbox.slapd import Slapd
from tests.support.sink import (
    Bench,
    open_bench,
    organization,
    person,
    subject,
    write,
)


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


async def test_creates_an_entry_with_all_that_is_wanted(bench: Bench) -> None:
    """Object classes, mapped values, values for creation; the binding comes with the same reply."""
    wanted = replace(person("mei", mail=["a@x", "b@x"], mobile=[]), on_create={"description": (b"new",)})
    outcome = await bench.applied("user_1", wanted)
    assert [type(change) for change in outcome.changes] == [Add]
    assert bench.tree() == {
        "uid=mei": {
            "objectClass": [b"inetOrgPerson", b"top"],
            "uid": [b"mei"],
            "cn": [b"Mei Wang"],
            "sn": [b"Wang"],
            "mail": [b"a@x", b"b@x"],
            "description": [b"new"],
        }
    }
    dn = bench.target.child(RDN.of("uid", "mei"))
    assert outcome.binding == Binding(bench.entry_uuid(dn), str(dn), bench.directory.target, 1)


async def test_a_second_apply_writes_nothing(bench: Bench) -> None:
    """Not even an entryCSN changes."""
    wanted = person("mei", mail="a@x")
    binding = (await bench.applied("user_1", wanted)).binding
    before = bench.tree(operational=True)
    assert await bench.sink.apply(subject("user_1"), wanted, bench.target, binding) == Applied(binding)
    assert bench.tree(operational=True) == before


async def test_changes_values_and_leaves_unmapped_ones(bench: Bench) -> None:
    """One Modify for all that differs; `description` is somebody else's."""
    binding = (await bench.applied("user_1", person("mei", mail=["a@x", "b@x"], mobile="1"))).binding
    dn = DN.parse(binding.dn)
    write(bench.slapd, lambda admin: admin.modify(str(dn), {"description": [(ldap3.MODIFY_ADD, ["theirs"])]}))
    outcome = await bench.applied("user_1", person("mei", mail=["b@x", "c@x"], mobile=[], sn="WANG"), binding)
    assert [type(change) for change in outcome.changes] == [Modify]
    entry = bench.tree()["uid=mei"]
    assert sorted(entry["mail"]) == [b"b@x", b"c@x"]
    assert (entry["sn"], entry["description"]) == ([b"WANG"], [b"theirs"])
    assert "mobile" not in entry


async def test_a_change_of_case_alone_reaches_the_dn(bench: Bench) -> None:
    """People read DNs: `uid=mei` becomes `uid=Mei`, and so does the value."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    outcome = await bench.applied("user_1", person("Mei"), binding)
    assert bench.tree()["uid=Mei"]["uid"] == [b"Mei"]
    assert outcome.binding == replace(binding, dn=str(bench.target.child(RDN.of("uid", "Mei"))))


async def test_renames_and_changes_the_rest_afterwards(bench: Bench) -> None:
    """A ModifyDN, then a Modify that is asserted with the ModifyDN's own entryCSN."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    outcome = await bench.applied("user_1", person("may", mail="a@x"), binding)
    assert [type(change) for change in outcome.changes] == [Move, Modify]
    assert list(bench.tree()) == ["uid=may"]
    assert bench.tree()["uid=may"]["uid"] == [b"may"]
    assert outcome.binding.entry_uuid == binding.entry_uuid


async def test_moves_an_organization_with_what_is_below(bench: Bench) -> None:
    """A child is found at its new place, by one read and no search, although its binding tells the old one."""
    one = (await bench.applied("ou_1", organization("one"))).binding
    two = (await bench.applied("ou_2", organization("two"))).binding
    one_dn, two_dn = DN.parse(one.dn), DN.parse(two.dn)
    child = (await bench.applied("user_1", person("mei"), parent=one_dn)).binding
    moved = await bench.applied("ou_1", organization("one"), one, two_dn)
    assert [type(change) for change in moved.changes] == [Move]
    new_parent = two_dn.child(RDN.of("ou", "one"))
    bench.operations.clear()
    outcome = await bench.applied("user_1", person("mei"), child, new_parent)
    assert bench.operations == ["read"]
    assert outcome == Applied(replace(child, dn=str(new_parent.child(RDN.of("uid", "mei")))))


async def test_finds_a_bound_entry_that_somebody_moved(bench: Bench) -> None:
    """The entryUUID is the truth; the entry comes back to its place."""
    parent = DN.parse((await bench.applied("ou_1", organization("one"))).binding.dn)
    binding = (await bench.applied("user_1", person("mei"))).binding
    write(bench.slapd, lambda admin: admin.modify_dn(binding.dn, "uid=elsewhere", new_superior=str(parent)))
    outcome = await bench.applied("user_1", person("mei"), binding)
    assert outcome.binding == binding
    assert sorted(bench.tree()) == ["ou=one", "uid=mei"]


async def test_makes_a_bound_entry_anew_that_is_gone(bench: Bench) -> None:
    """Found nowhere, a binding counts as none."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    write(bench.slapd, lambda admin: admin.delete(binding.dn))
    outcome = await bench.applied("user_1", person("mei"), binding)
    assert [type(change) for change in outcome.changes] == [Add]
    assert outcome.binding.entry_uuid != binding.entry_uuid


async def test_a_binding_of_another_target_counts_as_none(bench: Bench) -> None:
    """Its entry is neither looked for nor removed."""
    binding = replace((await bench.applied("user_1", person("mei"))).binding, target="another")
    assert await bench.sink.remove(binding) == Removed()
    assert await bench.sink.present_dn(binding, DN.parse(binding.dn)) is None
    outcome = await bench.applied("user_1", person("mei"), binding)
    assert outcome.binding.target == bench.directory.target


async def test_adopts_an_entry_that_is_nobodys(bench: Bench) -> None:
    """It has our object classes (one by inheritance) and nobody is bound to it."""
    dn = bench.make("uid=mei", uid="mei", cn="Old", sn="Wang", description="theirs")
    outcome = await bench.applied("user_1", person("mei"))
    assert outcome.binding.entry_uuid == bench.entry_uuid(dn)
    assert bench.tree()["uid=mei"]["cn"] == [b"Mei Wang"]
    assert bench.tree()["uid=mei"]["description"] == [b"theirs"]


async def test_an_entry_of_another_entity_is_not_taken(bench: Bench) -> None:
    """A renamed from `x` and a new B called `x` may come in either order."""
    await bench.applied("user_1", person("mei"))
    before = bench.tree(operational=True)
    outcome = await bench.sink.apply(subject("user_2"), person("mei"), bench.target, None)
    assert outcome == Waits("dn_occupied", AwaitsEntity("user_1"))
    assert bench.tree(operational=True) == before


async def test_a_foreign_entry_is_not_touched(bench: Bench) -> None:
    """Without our object classes it is not ours to write."""
    bench.make("uid=mei", ["account"], uid="mei")  # type: ignore[arg-type]
    before = bench.tree(operational=True)
    outcome = await bench.sink.apply(subject("user_1"), person("mei"), bench.target, None)
    assert outcome == Waits("foreign_entry", AwaitsTime())
    assert bench.tree(operational=True) == before


async def test_an_occupied_name_holds_up_only_the_rename(bench: Bench) -> None:
    """The other attributes are written where the entry is."""
    await bench.applied("user_1", person("mei"))
    binding = (await bench.applied("user_2", person("may"))).binding
    outcome = await bench.sink.apply(subject("user_2"), person("mei", mail="a@x"), bench.target, binding)
    assert isinstance(outcome, Waits)
    assert (outcome.reason, outcome.awaited) == ("dn_occupied", AwaitsEntity("user_1"))
    entry = bench.tree()["uid=may"]
    assert (entry["mail"], entry["uid"]) == ([b"a@x"], [b"may"])


async def test_a_name_occupied_by_an_entry_of_nobody_waits_for_time(bench: Bench) -> None:
    """A second entry cannot be adopted."""
    binding = (await bench.applied("user_1", person("may"))).binding
    bench.make("uid=mei", uid="mei", cn="Mei", sn="Wang")
    outcome = await bench.sink.apply(subject("user_1"), person("mei"), bench.target, binding)
    assert outcome == Waits("foreign_entry", AwaitsTime())


async def test_renaming_by_another_attribute_keeps_what_the_class_requires(bench: Bench) -> None:
    """Slapd itself would refuse to take `cn` away from the adopted entry."""
    dn = bench.make("cn=Mei", cn="Mei", sn="Wang", uid="old")
    binding = Binding(bench.entry_uuid(dn), str(dn), bench.directory.target, 5)
    wanted = person("mei")
    wanted = replace(wanted, attributes={"uid": wanted.attributes["uid"]})
    outcome = await bench.applied("user_1", wanted, binding)
    assert outcome.binding.bound_at == 5
    entry = bench.tree()["uid=mei"]
    assert (entry["cn"], entry["uid"]) == ([b"Mei"], [b"mei"])


async def test_a_single_value_makes_room_before_it_names_the_entry(bench: Bench) -> None:
    """Slapd refuses a ModifyDN that would add a second value to `employeeNumber`."""
    binding = (await bench.applied("user_1", person("mei", employeeNumber="1"))).binding
    wanted = replace(person("mei", employeeNumber="2"), rdn=RDN.of("employeeNumber", "2"))
    outcome = await bench.applied("user_1", wanted, binding)
    assert [type(change) for change in outcome.changes] == [Modify, Move]
    assert bench.tree()["employeeNumber=2"]["employeeNumber"] == [b"2"]


async def test_a_missing_parent_is_told(bench: Bench) -> None:
    """With the nearest ancestor that is there."""
    parent = bench.target.child(RDN.of("ou", "a")).child(RDN.of("ou", "b"))
    with pytest.raises(ParentMissing) as caught:
        await bench.sink.apply(subject("user_1"), person("mei"), parent, None)
    assert caught.value.matched_dn == str(bench.target)


async def test_a_missing_new_parent_is_told(bench: Bench) -> None:
    """Also for an entry that is to move there."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    with pytest.raises(ParentMissing):
        await bench.sink.apply(subject("user_1"), person("mei"), bench.target.child(RDN.of("ou", "none")), binding)


async def test_in_place_all_but_the_name_is_written(bench: Bench) -> None:
    """For an entity whose place is not known yet."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    outcome = await bench.sink.apply_in_place(person("may", mail="a@x"), binding)
    assert isinstance(outcome, Applied)
    assert outcome.binding == binding
    entry = bench.tree()["uid=mei"]
    assert (entry["uid"], entry["mail"]) == ([b"mei"], [b"a@x"])


async def test_in_place_an_entry_that_is_gone_is_not_made(bench: Bench) -> None:
    """There is no place for it."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    write(bench.slapd, lambda admin: admin.delete(binding.dn))
    assert await bench.sink.apply_in_place(person("mei"), binding) is None


async def test_removes_its_entry_once(bench: Bench) -> None:
    """What is gone already is done."""
    binding = (await bench.applied("user_1", person("mei"))).binding
    assert await bench.sink.remove(binding) == Removed((Delete(DN.parse(binding.dn)),))
    assert await bench.sink.remove(binding) == Removed()
    assert await bench.sink.remove(None) == Removed()
    assert bench.tree() == {}


async def test_an_organization_with_children_is_not_removed(bench: Bench) -> None:
    """Never a tree delete."""
    binding = (await bench.applied("ou_1", organization("one"))).binding
    await bench.applied("user_1", person("mei"), parent=DN.parse(binding.dn))
    assert await bench.sink.remove(binding) == Waits("children", AwaitsChildren())
    assert sorted(bench.tree()) == ["ou=one", "uid=mei,ou=one"]


async def test_the_present_dn_follows_the_entry(bench: Bench) -> None:
    """At the hint, elsewhere, nowhere."""
    binding = (await bench.applied("ou_1", organization("one"))).binding
    hint = DN.parse(binding.dn)
    assert await bench.sink.present_dn(binding, hint) == hint
    write(bench.slapd, lambda admin: admin.modify_dn(binding.dn, "ou=two"))
    renamed = bench.target.child(RDN.of("ou", "two"))
    assert await bench.sink.present_dn(binding, hint) == renamed
    write(bench.slapd, lambda admin: admin.delete(str(renamed)))
    assert await bench.sink.present_dn(binding, hint) is None


async def test_many_at_once(bench: Bench) -> None:
    """Over one connection, each with its own entry; a parent's rename between them breaks nothing."""
    parent = await bench.applied("ou_1", organization("one"))
    dn = DN.parse(parent.binding.dn)
    names = [f"p{number}" for number in range(100)]
    bindings = await asyncio.gather(*(bench.applied(f"user_{name}", person(name), parent=dn) for name in names))
    renamed = bench.applied("ou_1", organization("two"), parent.binding)
    changed = [
        bench.sink.apply_in_place(person(name, mail=f"{name}@x"), outcome.binding)
        for name, outcome in zip(names, bindings, strict=True)
    ]
    outcomes = await asyncio.gather(renamed, *changed)
    assert all(isinstance(outcome, Applied) for outcome in outcomes)
    tree = bench.tree()
    assert {tree[f"uid={name},ou=two"]["mail"][0] for name in names} == {f"{name}@x".encode() for name in names}
