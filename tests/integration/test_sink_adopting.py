"""The sink and an entity without a binding: which entry is its, which may be taken, which never."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import ldap3
import pytest

from ldap_sink.marks import IdMark
from ldap_sink.outcomes import Anothers, Applied, Removed, Waits
from schemas.dn import DN
from schemas.entries import Add, Modify, Move, WantedEntry
from schemas.events import Kind
from schemas.states import AwaitsEntity, AwaitsTime, Binding
from streams.sandbox.slapd import Slapd
from tests.support.sink import (
    Bench,
    identified,
    make_person,
    open_bench,
    organization,
    person,
    refused,
    subject,
    write,
)

AMBIGUOUS = Waits("ambiguous_identifier", AwaitsTime())


def occupied(by: str) -> Waits:
    """Somebody else has it."""
    return Waits("dn_occupied", AwaitsEntity(by))


def marked(uid: str, identifier: str, **attributes: str) -> WantedEntry:
    """A person whose entry carries the account's id."""
    wanted = person(uid, employeeNumber=identifier, **attributes)
    return replace(wanted, id_attribute="employeeNumber")


def mark(identifier: str) -> IdMark:
    """The mark of such a person."""
    return IdMark("employeeNumber", identifier.encode(), ("inetOrgPerson", "top"))


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


@pytest.fixture
def elsewhere(bench: Bench) -> DN:
    """Another organization's DN."""
    return bench.make("ou=elsewhere", "organizationalUnit")


async def test_the_id_is_written_when_the_entry_is_made(bench: Bench) -> None:
    """From then on the entry itself says whose it is."""
    await bench.applied("user_1", marked("mei", "user_1"))
    assert bench.tree()["uid=mei"]["employeeNumber"] == [b"user_1"]


async def test_an_entry_with_our_id_is_ours(bench: Bench, elsewhere: DN) -> None:
    """Whatever its name, its place, and who is said to hold it; it comes to its place."""
    dn = make_person(bench, "uid=old", elsewhere, employeeNumber="user_1")
    entry_uuid = bench.entry_uuid(dn)
    bench.holders[entry_uuid] = subject("user_2")
    outcome = await bench.applied("user_1", marked("mei", "user_1"))
    assert (outcome.binding.entry_uuid, type(outcome.changes[0])) == (entry_uuid, Move)
    assert sorted(bench.tree()) == ["ou=elsewhere", "uid=mei"]


async def test_several_entries_with_our_id_are_not_told_apart(bench: Bench, elsewhere: DN) -> None:
    """A person must say which."""
    make_person(bench, "uid=mei", employeeNumber="user_1")
    make_person(bench, "uid=may", elsewhere, employeeNumber="user_1")
    assert await refused(bench, marked("mei", "user_1")) == AMBIGUOUS


async def test_an_entry_with_another_id_is_not_taken_by_its_dn(bench: Bench) -> None:
    """Although nobody is known to be bound to it."""
    make_person(bench, "uid=mei", employeeNumber="user_2")
    assert await refused(bench, marked("mei", "user_1")) == occupied("user_2")


async def test_an_entry_with_another_id_is_not_taken_by_its_identifier(bench: Bench, elsewhere: DN) -> None:
    """Its owner may have been renamed."""
    make_person(bench, "uid=mei", elsewhere, employeeNumber="user_2")
    wanted = replace(marked("mei", "user_1"), identifier="uid")
    assert await refused(bench, wanted) == occupied("user_2")


async def test_ids_differ_by_case(bench: Bench, elsewhere: DN) -> None:
    """The server's equality rule for `employeeNumber` does not tell them apart; we do."""
    make_person(bench, "uid=may", elsewhere, employeeNumber="USER_1")
    outcome = await bench.applied("user_1", marked("mei", "user_1"))
    assert [type(change) for change in outcome.changes] == [Add]
    assert bench.tree()["uid=may,ou=elsewhere"]["employeeNumber"] == [b"USER_1"]


async def test_an_entry_without_id_is_adopted_and_marked(bench: Bench) -> None:
    """By its DN, under the normal rules."""
    dn = make_person(bench, "uid=mei")
    outcome = await bench.applied("user_1", marked("mei", "user_1"))
    assert outcome.binding.entry_uuid == bench.entry_uuid(dn)
    assert bench.tree()["uid=mei"]["employeeNumber"] == [b"user_1"]


async def test_a_bound_entry_with_another_id_is_not_touched(bench: Bench) -> None:
    """Neither written, nor written in place, nor removed: the entry itself says whose it is."""
    binding = (await bench.applied("user_1", marked("mei", "user_1"))).binding
    theirs = {"employeeNumber": [(ldap3.MODIFY_REPLACE, ["user_2"])]}
    write(bench.slapd, lambda admin: admin.modify(binding.dn, theirs))
    wanted = marked("mei", "user_1", mail="a@x")
    assert await refused(bench, wanted, binding=binding) == occupied("user_2")
    before = bench.tree(operational=True)
    assert await bench.sink.apply_in_place(wanted, binding) == Anothers()
    assert await bench.sink.remove(binding, mark=mark("user_1")) == Removed()
    assert bench.tree(operational=True) == before


async def test_an_occupant_with_another_id_is_waited_for(bench: Bench) -> None:
    """Its id is read from the entry, before anything is known of its state."""
    binding = (await bench.applied("user_1", marked("may", "user_1"))).binding
    make_person(bench, "uid=mei", employeeNumber="user_2")
    outcome = await refused(bench, marked("mei", "user_1"), binding=binding)
    assert outcome == occupied("user_2")


async def test_an_entry_is_found_by_its_id_to_be_removed(bench: Bench, elsewhere: DN) -> None:
    """For a deletion of which nothing is known but the id."""
    ours = mark("user_1")
    assert await bench.sink.find_by_id(ours) is None
    dn = make_person(bench, "uid=mei", elsewhere, employeeNumber="user_1")
    found = await bench.sink.find_by_id(ours)
    assert found == Binding(bench.entry_uuid(dn), str(dn), bench.directory.target, 1)
    assert isinstance(await bench.sink.remove(found, mark=ours), Removed)
    assert list(bench.tree()) == ["ou=elsewhere"]


async def test_an_organizations_entry_with_our_id_is_not_ours(bench: Bench) -> None:
    """Both kinds may have the same ids, in the same attribute."""
    dn = bench.make("ou=sales", "organizationalUnit", description="user_1")
    wanted = replace(person("mei", description="user_1"), id_attribute="description")
    outcome = await bench.applied("user_1", wanted)
    assert [type(change) for change in outcome.changes] == [Add]
    ours = replace(mark("user_1"), attribute="description")
    assert await bench.sink.find_by_id(ours) == replace(outcome.binding, bound_at=2)
    assert str(dn) != outcome.binding.dn


async def test_an_entry_of_an_organization_with_our_id_is_not_ours(bench: Bench) -> None:
    """Who holds an entry is known by kind and id."""
    dn = make_person(bench, "uid=mei")
    bench.holders[bench.entry_uuid(dn)] = (Kind.ORGANIZATION, "user_1")
    awaited = AwaitsEntity("user_1", Kind.ORGANIZATION)
    assert await refused(bench, person("mei")) == Waits("dn_occupied", awaited)


async def test_the_id_on_an_entry_of_another_kind_names_nobody_of_ours(bench: Bench) -> None:
    """Its holder may be known; to wait for an account of that id would be to wait for the wrong one."""
    classes, values = ["organizationalUnit", "extensibleObject"], {"ou": "x", "description": "ou_9"}
    dn = bench.make("uid=mei", classes, **values)  # type: ignore[arg-type]
    wanted = replace(person("mei", description="user_1"), id_attribute="description")
    assert await refused(bench, wanted) == Waits("foreign_entry", AwaitsTime())
    bench.holders[bench.entry_uuid(dn)] = subject("ou_9")
    binding = await bench.applied("user_1", replace(person("may", description="user_1"), id_attribute="description"))
    for bound in (None, binding.binding):
        outcome = await refused(bench, wanted, binding=bound)
        assert (outcome.reason, outcome.awaited) == ("dn_occupied", AwaitsEntity("ou_9", Kind.ORGANIZATION))


async def test_several_entries_with_an_id_are_not_removed(bench: Bench, elsewhere: DN) -> None:
    """Which one is meant, a person must say."""
    make_person(bench, "uid=mei", employeeNumber="user_1")
    make_person(bench, "uid=mei", elsewhere, employeeNumber="user_1")
    assert await bench.sink.find_by_id(mark("user_1")) == AMBIGUOUS


async def test_adopts_by_the_identifier(bench: Bench, elsewhere: DN) -> None:
    """Wherever the entry is; it comes to its place."""
    dn = make_person(bench, "cn=Mei Wang", elsewhere, uid="mei")
    entry_uuid = bench.entry_uuid(dn)
    outcome = await bench.applied("user_1", identified("mei"))
    assert outcome.binding.entry_uuid == entry_uuid
    assert sorted(bench.tree()) == ["ou=elsewhere", "uid=mei"]


async def test_two_entries_with_the_identifier_are_not_told_apart(bench: Bench, elsewhere: DN) -> None:
    """Although one of them is where the entry shall be."""
    make_person(bench, "uid=mei")
    make_person(bench, "uid=mei", elsewhere)
    assert await refused(bench, identified("mei")) == AMBIGUOUS


async def test_an_identified_entry_of_another_entity_is_not_taken(bench: Bench, elsewhere: DN) -> None:
    """It may be renamed soon: then the name is free."""
    dn = make_person(bench, "uid=mei", elsewhere)
    bench.holders[bench.entry_uuid(dn)] = subject("user_2")
    assert await refused(bench, identified("mei")) == occupied("user_2")


async def test_without_a_value_nobody_is_identified(bench: Bench) -> None:
    """An empty identifier would else match anything, or nothing that the filter can say."""
    wanted = replace(person("mei", mail=[]), identifier="mail")
    outcome = await bench.applied("user_1", wanted)
    assert [type(change) for change in outcome.changes] == [Add]


async def test_a_new_entry_is_no_others_before_its_state_is_known(bench: Bench) -> None:
    """`Holders` knows nothing of it yet; once told that it does, the sink leaves it to it."""
    outcome = await bench.sink.apply(subject("user_1"), person("mei"), bench.target, None)
    assert isinstance(outcome, Applied)
    assert await refused(bench, person("mei"), "user_2") == occupied("user_1")
    bench.sink.settled(subject("user_1"))
    adopted = await bench.sink.apply(subject("user_2"), person("mei"), bench.target, None)
    assert adopted == Applied(replace(outcome.binding, bound_at=2))


async def test_an_adopted_entry_is_no_others_before_its_state_is_known(bench: Bench) -> None:
    """As one that was made."""
    bench.make("uid=mei", uid="mei", cn="Old", sn="Wang")
    assert isinstance(await bench.sink.apply(subject("user_1"), person("mei"), bench.target, None), Applied)
    assert await refused(bench, person("mei"), "user_2") == occupied("user_1")


@pytest.mark.parametrize("there", [False, True])
async def test_of_many_at_once_one_gets_the_entry(bench: Bench, there: bool) -> None:  # noqa: FBT001 - a case
    """Whether it is made or adopted; the others wait for that one, and write nothing."""
    if there:
        bench.make("uid=mei", uid="mei", cn="Old", sn="Wang")
    outcomes = await asyncio.gather(
        *(
            bench.sink.apply(subject(f"user_{number}"), person("mei", mail=f"{number}@x"), bench.target, None)
            for number in range(20)
        )
    )
    [winner] = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, Applied)]
    others = [outcome for number, outcome in enumerate(outcomes) if number != winner]
    assert others == [occupied(f"user_{winner}")] * 19
    assert bench.tree()["uid=mei"]["mail"] == [f"{winner}@x".encode()]
    [written] = [change for outcome in outcomes for change in outcome.changes]
    assert isinstance(written, Modify if there else Add)


async def test_who_gets_no_entry_claims_none(bench: Bench) -> None:
    """Once its holder has left it, the entry is open to all."""
    dn = make_person(bench, "uid=mei")
    bench.holders[bench.entry_uuid(dn)] = subject("user_3")
    assert await refused(bench, person("mei")) == occupied("user_3")
    bench.holders.clear()
    await bench.applied("user_2", person("mei"))


async def test_an_organization_has_no_identifier(bench: Bench, elsewhere: DN) -> None:
    """Two departments may have one name."""
    await bench.applied("ou_1", organization("sales"), parent=elsewhere)
    await bench.applied("ou_2", organization("sales"))
    assert sorted(bench.tree()) == ["ou=elsewhere", "ou=sales", "ou=sales,ou=elsewhere"]
