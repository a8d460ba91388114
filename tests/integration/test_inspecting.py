"""What is said of an entry without writing it is what the sink then does, on a real slapd."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ldap_sink.inspecting import Inspection, Inspector
from ldap_sink.outcomes import Applied, Waits
from schemas.dn import DN
from schemas.entries import Add, Modify, Move, WantedEntry
from schemas.states import AwaitsEntity, AwaitsTime, Binding
from streams.sandbox.slapd import Slapd
from tests.support.sink import Bench, open_bench, person, subject


@pytest.fixture
async def bench(slapd: Slapd) -> AsyncIterator[Bench]:
    """A sink with a target of its own."""
    async with open_bench(slapd) as opened:
        yield opened


async def inspected(bench: Bench, wanted: WantedEntry, binding: Binding | None = None) -> Inspection:
    """What is said of `user_1`; nothing was written, and what the sink does next is what was said."""
    before = bench.tree(operational=True)
    inspection = await Inspector(bench.directory, bench.holders).inspect(
        subject("user_1"), wanted, bench.target, binding
    )
    assert bench.tree(operational=True) == before
    outcome = await bench.sink.apply(subject("user_1"), wanted, bench.target, binding)
    assert outcome.changes == inspection.changes
    assert isinstance(outcome, Applied) is not inspection.is_refused
    return inspection


def make_person(bench: Bench, rdn: str, **attributes: str) -> DN:
    """Create a person behind the sink's back."""
    return bench.make(rdn, cn="Mei", sn="Wang", **attributes)


async def test_of_several_with_the_identifier_the_only_free_one_is_taken(bench: Bench) -> None:
    """The other belongs to somebody, who may be renamed soon."""
    free, taken = make_person(bench, "mail=1", uid="mei"), make_person(bench, "mail=2", uid="mei")
    bench.holders[bench.entry_uuid(taken)] = subject("user_2")
    told = await inspected(bench, replace(person("mei"), identifier="uid"))
    assert told.found is not None
    assert (told.found.dn, told.found_by, type(told.changes[0])) == (free, "identifier", Move)


async def test_several_free_ones_with_the_identifier_are_not_told_apart(bench: Bench) -> None:
    """Nor are they by the sink."""
    for number in "12":
        make_person(bench, f"mail={number}", uid="mei")
    told = await inspected(bench, replace(person("mei"), identifier="uid"))
    assert told == Inspection(ambiguous=True, found_by="identifier")


async def test_an_entry_that_lacks_a_class_or_has_another_identifier_is_foreign(bench: Bench) -> None:
    """By its identifier in the first case, by its DN in the second."""
    make_person(bench, "cn=old", uid="mei")
    classes = ("inetOrgPerson", "pkiUser")
    told = await inspected(bench, replace(person("mei"), identifier="uid", object_classes=classes))
    assert (told.foreign, told.found_by, told.changes) == (True, "identifier", ())
    make_person(bench, "uid=mei", mail="b@x")
    told = await inspected(bench, replace(person("mei", mail="a@x"), identifier="mail"))
    assert (told.foreign, told.found_by, told.changes) == (True, "dn", ())


async def test_of_an_adopted_entry_that_cannot_move_the_rest_is_written(bench: Bench) -> None:
    """And the entry keeps its name."""
    make_person(bench, "cn=old", uid="mei")
    bench.make("uid=mei", ["account"])  # type: ignore[arg-type]
    told = await inspected(bench, replace(person("mei", mail="a@x"), identifier="uid"))
    assert (told.occupied, [type(change) for change in told.changes]) == (
        Waits("foreign_entry", AwaitsTime()),
        [Modify],
    )


async def test_ids_are_told_apart_by_octets(bench: Bench) -> None:
    """The server's equality rule for `employeeNumber` takes both as one."""
    make_person(bench, "uid=other", employeeNumber="USER_1")
    told = await inspected(bench, replace(person("mei", employeeNumber="user_1"), id_attribute="employeeNumber"))
    assert [type(change) for change in told.changes] == [Add]


async def test_an_entry_that_says_whose_it_is_is_that_ones(bench: Bench) -> None:
    """Although no state is bound to it."""
    make_person(bench, "uid=mei", employeeNumber="user_2")
    told = await inspected(bench, replace(person("mei", employeeNumber="user_1"), id_attribute="employeeNumber"))
    assert (told.holder, told.foreign, told.changes) == (subject("user_2"), False, ())


async def test_whoever_has_the_new_name_of_a_bound_entry_is_named(bench: Bench) -> None:
    """It is not moved, but what does not name it is written."""
    binding = (await bench.applied("user_1", person("may"))).binding
    await bench.applied("user_2", person("mei"))
    told = await inspected(bench, person("mei", mail="a@x"), binding)
    assert (told.occupied, [type(change) for change in told.changes]) == (
        Waits("dn_occupied", AwaitsEntity("user_2")),
        [Modify],
    )


async def test_a_new_name_that_an_entry_of_nobody_has_is_occupied_too(bench: Bench) -> None:
    """A second entry cannot be adopted."""
    binding = (await bench.applied("user_1", person("may"))).binding
    make_person(bench, "uid=mei")
    told = await inspected(bench, person("mei"), binding)
    assert (told.occupied, told.changes) == (Waits("foreign_entry", AwaitsTime()), ())
