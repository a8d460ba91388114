"""Whoever waits in a circle is asked to step aside: one of them, and only its owner asks."""

import pytest

from schemas.events import Kind, RedriveReason
from schemas.states import AwaitsChildren, AwaitsEntity, AwaitsOrganization, Status
from streams.worker.states.state_view import Seen
from tests.support.redrives import again, bound, seen, unit
from tests.support.waiting_scene import CYCLE, RELEASE, SOURCE, Scene, waiting, waiting_unit


def circle(*identifiers: str) -> list[Seen]:
    """All are there; then each waits for the name of the next one. They lie on partitions 1, 2, 1, …."""
    applied = [bound(seen(one, "o", partition=1 + number % 2)) for number, one in enumerate(identifiers)]
    following = [*identifiers[1:], identifiers[0]]
    return [
        *applied,
        *(
            again(one, status=Status.WAITING, reason="dn_occupied", awaited=AwaitsEntity(other))
            for one, other in zip(applied, following, strict=True)
        ),
    ]


@pytest.mark.parametrize("members", [["b", "a"], ["b", "c", "a"], ["d", "b", "a", "c"]])
def test_in_a_circle_the_one_with_the_smallest_id_steps_aside(members: list[str]) -> None:
    """As soon as it is closed, and asked of nobody else."""
    scene = Scene(*circle(*members)[:-1])
    assert scene.first == []
    asked = scene.changes(circle(*members)[-1])
    assert set(asked) == {("a", CYCLE)}


@pytest.mark.parametrize(("owned", "asked"), [((1,), set()), ((2,), {("a", CYCLE)}), ((), set())])
def test_only_the_owner_of_the_smallest_id_breaks_the_circle(
    owned: tuple[int, ...], asked: set[tuple[str, RedriveReason]]
) -> None:
    """Who owns another of them leaves it to that one, also at the sweep."""
    scene = Scene(*circle("b", "a"), owned=owned)
    assert set(scene.first) == asked
    assert set(scene.sweeps()) == asked


def test_a_circle_may_lead_through_the_organization_that_somebody_waits_for() -> None:
    """A new organization wants the name of an old one, whose last member waits for the new one's entry."""
    member = waiting("a", AwaitsOrganization("new"), "new", reason="organization_waiting")
    old = waiting_unit("old", AwaitsEntity("a", Kind.ACCOUNT), reason="children")
    new = waiting_unit("new", AwaitsEntity("old"), reason="dn_occupied")
    scene = Scene(bound(member), bound(old))
    assert scene.first == []
    assert set(scene.changes(new)) == {("new", CYCLE)}


@pytest.mark.parametrize("reason", ["dn_occupied", "below_itself"])
def test_who_wants_the_name_of_an_organization_that_must_be_emptied_first_steps_aside(reason: str) -> None:
    """It may stand below it itself, or those below wait for it; who wants no name has none to step aside from."""
    old = bound(waiting_unit("old", AwaitsChildren(), reason="children"))
    scene = Scene(old, bound(unit("new", SOURCE)), bound(seen("a", "old")))
    new = again(bound(waiting_unit("new", AwaitsEntity("old"), reason=reason)))
    assert set(scene.changes(new)) == ({("new", CYCLE)} if reason == "dn_occupied" else set())


def test_who_waits_for_a_circle_without_being_in_it_is_left_alone() -> None:
    scene = Scene(*circle("c", "b"))
    scene.redrives.take()
    assert set(scene.changes(bound(waiting("a", AwaitsEntity("c"), "o")))) <= {("b", CYCLE)}


def test_a_row_that_ends_is_no_circle() -> None:
    scene = Scene(bound(seen("c", "o")), bound(waiting("b", AwaitsEntity("c"), "o")))
    assert scene.changes(bound(waiting("a", AwaitsEntity("b"), "o"))) == []


def test_a_long_row_is_walked_without_comparing_all_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who shifts all names by one makes rows of thousands: the work for each change must grow with the row alone."""
    row = [f"a{number:03}" for number in range(200)]
    scene = Scene(*circle(*row)[:-1])
    compared = 0

    def counted(one: Seen, other: object) -> bool:
        nonlocal compared
        compared += 1
        return one is other

    monkeypatch.setattr(Seen, "__eq__", counted)
    scene.sweeps()
    assert compared <= len(row) ** 2


def test_when_one_has_stepped_aside_whoever_waits_for_it_goes_on() -> None:
    scene = Scene(*circle("a", "b"))
    scene.redrives.take()
    first = circle("a", "b")[2]
    assert ("b", RELEASE) in scene.changes(again(bound(first, name="b-0000000a")))


def test_a_circle_of_parents_is_left_when_any_organization_opens_it() -> None:
    """Whichever of them moves."""
    members = [waiting_unit(one, AwaitsOrganization(one), two, "parent_cycle") for one, two in ("uv", "vw", "wu")]
    scene = Scene(*members)
    scene.redrives.take()
    assert scene.changes(bound(unit("x", SOURCE))) == []
    assert sorted(scene.changes(again(unit("w", SOURCE)))) == [("u", RELEASE), ("v", RELEASE)]


def test_a_circle_may_lead_through_both_kinds() -> None:
    """An account and an organization that want each other's names: of one id, the account steps aside."""
    account, organization = bound(seen("b", SOURCE)), bound(unit("b", SOURCE))
    scene = Scene(account, organization)
    waits = {"status": Status.WAITING, "reason": "dn_occupied"}
    asked = scene.changes(
        again(account, awaited=AwaitsEntity("b", Kind.ORGANIZATION), **waits),
        again(organization, awaited=AwaitsEntity("b", Kind.ACCOUNT), **waits),
    )
    assert set(asked) == {("b", CYCLE)}
    assert set(scene.redrives.partitions) == {account.partition}
