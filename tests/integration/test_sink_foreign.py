"""The sink and entries that may be somebody else's: by another identifier, by their classes, in each other's place."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ldap_sink.outcomes import Waits
from schemas.dn import DN, RDN
from schemas.entries import Add, WantedEntry
from schemas.states import AwaitsEntity, AwaitsTime, Binding
from streams.sandbox.slapd import Slapd
from tests.support.sink import Bench, identified, make_person, open_bench, person, refused, subject, write

FOREIGN = Waits("foreign_entry", AwaitsTime())


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


@pytest.fixture
def elsewhere(bench: Bench) -> DN:
    """Another organization's DN."""
    return bench.make("ou=elsewhere", "organizationalUnit")


def with_mobile(uid: str, *numbers: str, **attributes: str) -> WantedEntry:
    """A person who is found by the mobile number."""
    return replace(person(uid, mobile=numbers, **attributes), identifier="mobile")


@pytest.mark.parametrize("numbers", [("+86 1",), ()])
async def test_an_entry_with_anothers_identifier_is_not_taken_by_its_dn(bench: Bench, numbers: tuple[str, ...]) -> None:
    """With it one would get another person's password; whether we have an identifier or none."""
    dn = make_person(bench, "uid=mei", mobile="+86 2")
    wanted = with_mobile("mei", *numbers)
    outcome = await refused(bench, wanted)
    assert (outcome, outcome.stranger) == (FOREIGN, bench.entry_uuid(dn))


async def test_an_entry_with_anothers_identifier_is_its_holders(bench: Bench) -> None:
    """Then it is known for whom to wait."""
    dn = make_person(bench, "uid=mei", mobile="+86 2")
    bench.holders[bench.entry_uuid(dn)] = subject("user_2")
    assert await refused(bench, with_mobile("mei", "+86 1")) == Waits("dn_occupied", AwaitsEntity("user_2"))


async def test_an_entry_without_identifier_is_taken_by_its_dn(bench: Bench) -> None:
    """It says nothing of another person."""
    dn = make_person(bench, "uid=mei")
    outcome = await bench.applied("user_1", with_mobile("mei", "+86 1"))
    assert outcome.binding.entry_uuid == bench.entry_uuid(dn)


async def test_an_entry_with_our_identifier_is_taken_by_its_dn(bench: Bench) -> None:
    """Where it cannot be searched for: the schema gives this attribute no equality rule."""
    dn = make_person(bench, "uid=mei", facsimileTelephoneNumber="+86 1")
    wanted = replace(person("mei", facsimileTelephoneNumber="+86 1"), identifier="facsimileTelephoneNumber")
    outcome = await bench.applied("user_1", wanted)
    assert outcome.binding.entry_uuid == bench.entry_uuid(dn)


async def test_an_identified_entry_of_our_sort_that_lacks_a_class_is_waited_for(bench: Bench, elsewhere: DN) -> None:
    """Whoever configures a class that the old entries lack would else get everybody twice."""
    dn = make_person(bench, "uid=mei", elsewhere)
    wanted = replace(identified("mei"), object_classes=("inetOrgPerson", "pkiUser"))
    outcome = await refused(bench, wanted)
    assert (outcome, outcome.stranger) == (FOREIGN, bench.entry_uuid(dn))


async def test_an_identified_entry_that_lacks_a_class_is_none_beside_one_that_has_all(
    bench: Bench, elsewhere: DN
) -> None:
    """Which of them is meant is no question."""
    make_person(bench, "uid=mei", elsewhere)
    dn = bench.make("cn=Mei", ["inetOrgPerson", "pkiUser"], sn="Wang", uid="mei")  # type: ignore[arg-type]
    entry_uuid = bench.entry_uuid(dn)
    outcome = await bench.applied("user_1", replace(identified("mei"), object_classes=("inetOrgPerson", "pkiUser")))
    assert outcome.binding.entry_uuid == entry_uuid


async def test_an_identified_entry_of_another_sort_is_none(bench: Bench, elsewhere: DN) -> None:
    """A `posixAccount` of that name is somebody else's matter."""
    dn = elsewhere.child(RDN.of("uid", "mei"))
    write(bench.slapd, lambda admin: admin.add(str(dn), "account"))
    outcome = await bench.applied("user_1", identified("mei"))
    assert [type(change) for change in outcome.changes] == [Add]


async def test_an_adopted_entry_that_cannot_move_is_bound(bench: Bench, elsewhere: DN) -> None:
    """It is kept as it should be where it is, but for its name; what is not mapped stays."""
    dn = make_person(bench, "cn=old", elsewhere, uid="mei", title="Dr.")
    bench.make("uid=mei", ["account"])  # type: ignore[arg-type]
    before = bench.tree()
    outcome = await bench.sink.apply(subject("user_1"), identified("mei", mail="a@x"), bench.target, None)
    binding = Binding(bench.entry_uuid(dn), str(dn), bench.directory.target, 1)
    assert isinstance(outcome, Waits)
    assert replace(outcome, changes=()) == replace(FOREIGN, binding=binding)
    changed = {"mail": [b"a@x"], "sn": [b"Wang"]}
    assert bench.tree() == before | {"cn=old,ou=elsewhere": before["cn=old,ou=elsewhere"] | changed}


async def test_an_adopted_entry_that_cannot_move_is_no_others_before_its_state_is_known(bench: Bench) -> None:
    """As one that could; `settled` leaves it to `Holders`."""
    make_person(bench, "cn=old", uid="mei")
    bench.make("uid=mei", ["account"])  # type: ignore[arg-type]
    await bench.sink.apply(subject("user_1"), identified("mei"), bench.target, None)
    assert await refused(bench, identified("mei"), "user_2") == Waits("dn_occupied", AwaitsEntity("user_1"))
    bench.sink.settled(subject("user_1"))
    outcome = await bench.sink.apply(subject("user_2"), identified("mei"), bench.target, None)
    assert outcome.binding is not None


async def test_two_who_have_each_others_name_are_bound_and_wait_for_each_other(bench: Bench) -> None:
    """The first one cannot know of the second one, and learns of it at its next try."""
    make_person(bench, "uid=omar", mobile="+86 1", title="Mei's")
    make_person(bench, "uid=mei", mobile="+86 2", title="Omar's")
    first = await bench.sink.apply(subject("user_1"), with_mobile("mei", "+86 1"), bench.target, None)
    second = await bench.sink.apply(subject("user_2"), with_mobile("omar", "+86 2"), bench.target, None)
    assert isinstance(first, Waits)
    assert isinstance(second, Waits)
    assert first.stranger == bench.entry_uuid(bench.target.child(RDN.parse("uid=mei")))
    assert (first.reason, second.reason, second.awaited) == ("foreign_entry", "dn_occupied", AwaitsEntity("user_1"))
    again = await bench.sink.apply(subject("user_1"), with_mobile("mei", "+86 1"), bench.target, first.binding)
    assert again == Waits("dn_occupied", AwaitsEntity("user_2"))
