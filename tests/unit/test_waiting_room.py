"""Who waits is asked to try again when what it waits for may have happened, and not before."""

from collections import Counter

import pytest

from schemas.dn import DN
from schemas.events import Kind, RedriveReason
from schemas.states import Awaited, AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, Status
from streams.worker.watching.waiting_room import FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS, RETRIES_PER_SWEEP
from tests.support.redrives import again, bound, seen, unbound, unit
from tests.support.waiting_scene import RELEASE, SOURCE, Scene, waiting, waiting_unit

# -- waiting for an organization ---------------------------------------------------------------------------------------

FOR_U = AwaitsOrganization("u")


def test_an_account_is_released_when_its_organization_has_an_entry() -> None:
    """Not when the organization is known only."""
    scene = Scene(waiting("a", FOR_U, "u"), seen("b", "u"))
    assert scene.first == []
    assert scene.changes(unit("u", SOURCE)) == []
    assert scene.changes(again(bound(unit("u", SOURCE)))) == [("a", RELEASE)]


def test_a_child_is_released_when_its_parent_has_an_entry() -> None:
    scene = Scene(unit("u", SOURCE), waiting_unit("v", FOR_U, "u"))
    assert scene.changes(again(bound(unit("u", SOURCE)))) == [("v", RELEASE)]


def test_who_is_recorded_as_waiting_after_it_happened_is_released_at_once() -> None:
    """No lost wake-up."""
    assert Scene(bound(unit("u", SOURCE)), waiting("a", FOR_U, "u")).first == [("a", RELEASE)]


def test_another_obstacle_releases_too() -> None:
    """What is waited for must be told anew: the organization has an entry now, but is deleted."""
    scene = Scene(bound(unit("p", SOURCE)), unit("u", "p"), waiting("a", FOR_U, "u"))
    assert scene.changes(again(unit("u", "q"))) == []
    assert scene.changes(again(again(bound(unit("u", "q"))))) == [("a", RELEASE)]


def test_an_organization_that_leaves_the_scope_releases_whoever_waits_for_it() -> None:
    scene = Scene(unit("u", SOURCE), waiting("a", FOR_U, "u"))
    assert scene.changes(again(unit("u"))) == [("a", RELEASE)]


def test_an_organization_on_the_way_that_moves_elsewhere_releases() -> None:
    """The one that is waited for is not above any more, and never changes itself."""
    way = bound(unit("w", "u"))
    scene = Scene(unit("u", SOURCE), way, waiting("a", FOR_U, "w"))
    assert scene.first == []
    assert scene.changes(again(bound(unit("w", SOURCE)))) == [("a", RELEASE)]


def test_other_organizations_release_nobody() -> None:
    scene = Scene(unit("u", SOURCE), waiting("a", FOR_U, "u"))
    assert scene.changes(bound(unit("x", SOURCE)), bound(unit("y", "u")), bound(seen("b", "x"))) == []


def test_who_waits_for_an_organization_costs_the_others_nothing() -> None:
    """A thousand accounts come before their organization: each is tested once, not at every other's coming."""
    scene = Scene(unit("u", SOURCE))
    scene.changes(*(waiting(f"a{number}", FOR_U, "u") for number in range(1000)))
    assert scene.view.asked < 10_000


# -- waiting for children ----------------------------------------------------------------------------------------------


def test_an_organization_is_released_when_the_last_child_is_gone() -> None:
    children = [bound(seen("a", "u")), bound(unit("v", "u"))]
    scene = Scene(waiting_unit("u", AwaitsChildren()), *children)
    scene.redrives.take()
    assert scene.changes(again(unbound(children[0]))) == []
    assert scene.changes(again(unbound(children[1]))) == [("u", RELEASE)]


def test_a_child_that_goes_elsewhere_is_gone() -> None:
    child = bound(seen("a", "u"))
    scene = Scene(child, waiting_unit("u", AwaitsChildren()))
    assert scene.changes(again(bound(seen("a", SOURCE)))) == [("u", RELEASE)]


# -- waiting for an entity ---------------------------------------------------------------------------------------------

FOR_B = AwaitsEntity("b")


def test_who_waits_for_a_name_is_released_when_the_other_takes_another_one() -> None:
    """Whether the other still stands in the way, only the directory can tell."""
    other = bound(seen("b", "o"))
    scene = Scene(other, waiting("a", FOR_B, "o"))
    assert scene.first == []
    assert scene.changes(again(other, reason="touched")) == []
    assert scene.changes(again(again(bound(seen("b", "o"), name="other")))) == [("a", RELEASE)]


def test_who_waits_for_a_name_is_released_when_the_other_loses_its_entry() -> None:
    other = bound(seen("b", "o"))
    scene = Scene(other, waiting("a", FOR_B, "o"))
    assert scene.changes(again(unbound(other))) == [("a", RELEASE)]


def test_who_waits_for_a_name_is_released_when_the_others_state_is_removed() -> None:
    scene = Scene(bound(seen("b", "o")), waiting("a", FOR_B, "o"))
    scene.view.forget((Kind.ACCOUNT, "b"))
    assert scene.asked() == [("a", RELEASE)]


def test_who_waits_for_one_that_holds_nothing_is_released_at_once() -> None:
    assert Scene(seen("b", "o"), waiting("a", FOR_B, "o")).first == [("a", RELEASE)]


def test_the_other_may_be_of_the_other_kind() -> None:
    """Both kinds may be named by the same attribute."""
    other = bound(unit("b", SOURCE))
    scene = Scene(other, waiting("a", AwaitsEntity("b", Kind.ORGANIZATION), SOURCE))
    assert scene.first == []
    assert scene.changes(again(bound(unit("b", SOURCE), name="other"))) == [("a", RELEASE)]


def test_an_organization_with_the_others_id_is_not_the_other() -> None:
    """What it does releases nobody, and that it has an entry holds nobody up."""
    other, organization = bound(seen("b", "o")), bound(unit("b", SOURCE))
    scene = Scene(other, organization, waiting("a", FOR_B, "o"))
    assert scene.changes(again(bound(organization, name="other"))) == []
    assert scene.changes(again(unbound(other))) == [("a", RELEASE)]


@pytest.mark.parametrize(("occupied", "asked"), [("uid=b", []), ("uid=old", [("a", RELEASE)])])
def test_after_the_wait_was_recorded_it_is_seen_whether_the_other_has_left_meanwhile(
    occupied: str, asked: list[tuple[str, RedriveReason]]
) -> None:
    """Between the directory's answer and the record it may have gone, and the view known it: nothing would come."""
    scene = Scene(bound(seen("b", "o")), waiting("a", FOR_B, "o"))
    scene.room.recheck((Kind.ACCOUNT, "a"), DN.parse(f"{occupied},ou=company,dc=example,dc=com"))
    assert scene.redrives.take() == asked


def test_who_waits_for_something_else_by_now_is_not_rechecked() -> None:
    scene = Scene(unit("u", SOURCE), waiting("a", FOR_U, "u"), seen("c"))
    for identifier in "ac":
        scene.room.recheck((Kind.ACCOUNT, identifier), DN.parse("uid=a,dc=example"))
    assert scene.redrives.take() == []


# -- whose they are ----------------------------------------------------------------------------------------------------


def test_who_lies_in_other_workers_partitions_is_left_to_those() -> None:
    scene = Scene(unit("u", SOURCE), waiting("a", FOR_U, "u"), waiting("b", FOR_U, "u", partition=2), owned=(2,))
    assert scene.changes(again(bound(unit("u", SOURCE)))) == [("b", RELEASE)]


def test_a_sweep_finds_what_happened_before_the_partitions_were_ours() -> None:
    scene = Scene(waiting("a", FOR_U, "u"), bound(unit("u", SOURCE)), owned=())
    assert (scene.first, scene.sweeps()) == ([], [])
    scene.owned = (1,)
    assert scene.sweeps() == [("a", RELEASE)]


def test_a_redrive_goes_to_the_partition_and_revision_of_the_state() -> None:
    scene = Scene(waiting("a", FOR_U, "u", partition=2, revision=(3, 7)), bound(unit("u", SOURCE)))
    assert scene.first == [("a", RELEASE)]
    assert (set(scene.redrives.partitions), set(scene.redrives.revisions)) == ({2}, {(3, 7)})


def test_who_does_not_wait_any_more_is_not_released() -> None:
    """Applied, or gone altogether."""
    waits = waiting("a", FOR_U, "u")
    scene = Scene(unit("u", SOURCE), waits, waiting("b", FOR_U, "u"))
    scene.changes(again(waits, status=Status.APPLIED))
    scene.view.forget((Kind.ACCOUNT, "b"))
    assert scene.changes(again(bound(unit("u", SOURCE)))) == []
    assert scene.sweeps() == []


# -- trying from time to time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("awaited", [AwaitsTime(), AwaitsChildren(), FOR_B])
def test_what_only_the_directory_can_tell_is_tried_from_time_to_time(awaited: Awaited) -> None:
    """The first time after 15 to 30 s, as chance will have it."""
    scene = Scene(bound(seen("b", "a")), bound(waiting("a", awaited, "o")))
    scene.redrives.take()
    assert scene.sweeps(after=FIRST_RETRY_SECONDS / 2 - 0.1) == []
    assert scene.sweeps(after=FIRST_RETRY_SECONDS / 2 + 0.2) == [("a", RELEASE)]
    assert scene.sweeps() == []


def test_who_waits_for_an_event_of_its_own_is_not_tried() -> None:
    scene = Scene(waiting("b", None, reason="no_organization"))
    assert scene.sweeps(after=10 * LAST_RETRY_SECONDS) == []


def test_whom_the_view_releases_in_vain_is_tried_again_with_back_off() -> None:
    """The directory does not let it go: once at once, then as those whom only the directory can release."""
    scene = Scene(bound(seen("u", SOURCE, kind=Kind.ORGANIZATION)), waiting("a", FOR_U, "u"))
    scene.redrives.take()
    assert scene.sweeps() == [("a", RELEASE)]
    assert scene.sweeps() == []
    assert scene.sweeps(after=FIRST_RETRY_SECONDS) == [("a", RELEASE)]
    assert scene.sweeps() == []


def test_the_wait_doubles_up_to_an_hour_with_jitter() -> None:
    """Each wait is between the half and the whole of its bound."""
    scene = Scene(waiting("a", AwaitsTime(), "o"))
    bound_to, last = FIRST_RETRY_SECONDS, scene.now
    for _ in range(10):
        while not scene.sweeps(after=1):
            assert scene.now - last <= bound_to + 1
        assert scene.now - last >= bound_to / 2
        bound_to, last = min(2 * bound_to, LAST_RETRY_SECONDS), scene.now
    assert bound_to == LAST_RETRY_SECONDS


def test_not_all_are_tried_at_the_same_moment() -> None:
    scene = Scene(*(waiting(f"a{number}", AwaitsTime(), "o") for number in range(200)))
    tried = Counter[float]()
    for _ in range(round(FIRST_RETRY_SECONDS) + 1):
        tried[scene.now] += len(scene.sweeps(after=1))
    assert sum(tried.values()) >= 200
    assert max(tried.values()) < 60


def test_a_sweep_tries_no_more_than_so_many() -> None:
    """The rest has its turn at the next one."""
    scene = Scene(*(waiting(f"a{number}", AwaitsTime(), "o") for number in range(RETRIES_PER_SWEEP + 5)))
    assert len(scene.sweeps(after=FIRST_RETRY_SECONDS)) == RETRIES_PER_SWEEP
    assert len(scene.sweeps()) == 5


def test_those_behind_many_others_are_not_forgotten() -> None:
    """All are due at every sweep: who was tried lets the others go first."""
    scene = Scene(*(waiting(f"a{number}", AwaitsTime(), "o") for number in range(2 * RETRIES_PER_SWEEP)))
    tried = Counter(asked for _ in range(4) for asked in scene.sweeps(after=LAST_RETRY_SECONDS))
    assert (len(tried), max(tried.values())) == (2 * RETRIES_PER_SWEEP, 2)


def test_a_state_that_was_written_anew_is_tried_soon_again() -> None:
    waits = waiting("a", AwaitsTime(), "o")
    scene = Scene(waits)
    for _ in range(5):
        scene.sweeps(after=LAST_RETRY_SECONDS)
    scene.changes(again(waits))
    assert scene.sweeps(after=FIRST_RETRY_SECONDS) == [("a", RELEASE)]
