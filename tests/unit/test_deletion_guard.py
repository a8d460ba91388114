"""Too many deletions are held until a person decides."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from processors.guarding import GuardLimits
from schemas.control import Approval, Decided, Discard
from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.control import ControlView
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.deletion_guard import DeletionGuard, HeldWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, bound, seen, unit

WINDOW = 1000
NOW = 10_000
UNLIMITED = GuardLimits(None, None, WINDOW)
AT_MOST_TWO = GuardLimits(2, None, WINDOW)


def view_of(*entities: Seen) -> StateView:
    view = StateView(TARGET)
    for entity in entities:
        view.absorb(entity)
    return view


def removed(count: int, *, at: int = NOW) -> list[Seen]:
    return [seen(f"gone{number}", removed_at=at, is_deleted=True) for number in range(count)]


def guard_over(*entities: Seen, accounts: GuardLimits = AT_MOST_TWO) -> DeletionGuard:
    return DeletionGuard(view_of(*entities), {Kind.ACCOUNT: accounts, Kind.ORGANIZATION: AT_MOST_TWO}, lambda: NOW)


async def admits(guard: DeletionGuard, kind: Kind = Kind.ACCOUNT) -> bool:
    async with AsyncExitStack() as until_recorded:
        return await guard.admit(kind, until_recorded)


# -- admission ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "admitted"), [(0, True), (1, True), (2, False), (3, False)])
async def test_deletions_are_admitted_until_the_window_is_full(count: int, *, admitted: bool) -> None:
    assert await admits(guard_over(*removed(count))) is admitted


@pytest.mark.parametrize(("at", "admitted"), [(NOW - WINDOW, False), (NOW - WINDOW - 1, True)])
async def test_what_was_removed_before_the_window_does_not_count(at: int, *, admitted: bool) -> None:
    assert await admits(guard_over(*removed(2, at=at))) is admitted


async def test_while_the_states_are_lost_everything_is_held() -> None:
    """Though there is no limit at all: whose an entry is, is a guess."""
    limits = dict.fromkeys(Kind, UNLIMITED)
    assert not await admits(DeletionGuard(view_of(), limits, lambda: NOW, lambda: True))


async def test_while_anything_is_held_everything_is() -> None:
    """Though the window has room: its sliding on must not empty a directory slowly."""
    assert not await admits(guard_over(seen("a", status=Status.HELD)))


async def test_it_opens_by_itself_when_nothing_is_held_any_more() -> None:
    held = seen("a", status=Status.HELD)
    view = view_of(held)
    guard = DeletionGuard(view, {Kind.ACCOUNT: AT_MOST_TWO}, lambda: NOW)
    view.absorb(again(held, status=Status.APPLIED))
    assert await admits(guard)


async def test_each_kind_has_its_own_window() -> None:
    guard = guard_over(*removed(2), seen("a", status=Status.HELD))
    assert await admits(guard, Kind.ORGANIZATION)


async def test_a_share_of_what_is_there_is_a_limit_too() -> None:
    """Half of three: the second would be more."""
    half = GuardLimits(None, 50, WINDOW)
    assert await admits(guard_over(*(bound(seen(name)) for name in "abc"), accounts=half))
    assert not await admits(guard_over(*removed(1), *(bound(seen(name)) for name in "ab"), accounts=half))


async def test_without_any_limit_everything_is_admitted() -> None:
    """At once, and though something is held from the time when there was one."""
    guard = guard_over(*removed(9), seen("a", status=Status.HELD), accounts=UNLIMITED)
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        assert await guard.admit(Kind.ACCOUNT, first)
        assert await guard.admit(Kind.ACCOUNT, second)


@pytest.mark.parametrize(
    ("limits", "watching"), [(UNLIMITED, False), (AT_MOST_TWO, True), (GuardLimits(None, 1, WINDOW), True)]
)
def test_either_limit_makes_it_watch(limits: GuardLimits, *, watching: bool) -> None:
    assert guard_over(accounts=limits).is_watching(Kind.ACCOUNT) is watching


async def test_the_next_is_admitted_when_the_last_one_is_recorded() -> None:
    """And counts it: two at once would be one too many."""
    view = view_of(*removed(1))
    guard = DeletionGuard(view, {Kind.ACCOUNT: AT_MOST_TWO}, lambda: NOW)
    async with AsyncExitStack() as until_recorded:
        assert await guard.admit(Kind.ACCOUNT, until_recorded)
        following = asyncio.create_task(admits(guard))
        await asyncio.sleep(0)
        assert not following.done()
        view.absorb(seen("a", removed_at=NOW))
    assert not await following


async def test_kinds_do_not_wait_for_each_other() -> None:
    guard = guard_over()
    async with AsyncExitStack() as until_recorded:
        await guard.admit(Kind.ACCOUNT, until_recorded)
        assert await admits(guard, Kind.ORGANIZATION)


async def test_who_is_held_lets_the_next_one_ask() -> None:
    guard = guard_over(*removed(2))
    assert [await admits(guard) for _ in range(2)] == [False, False]


async def test_who_gives_up_waiting_stops_nobody() -> None:
    """An event whose partition was taken away while it waited for its turn."""
    guard = guard_over()
    async with AsyncExitStack() as until_recorded:
        await guard.admit(Kind.ACCOUNT, until_recorded)
        waiting = asyncio.create_task(admits(guard))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    assert await admits(guard)


# -- decisions ---------------------------------------------------------------------------------------------------------


class Scene:
    """Two accounts and an organization are held since 100, 200 and 300, and a watch looks at them."""

    def __init__(self, *decisions: Approval | Discard, owned: tuple[Kind, ...] = tuple(Kind)) -> None:
        self.control = ControlView()
        for decision in decisions:
            self.decide(decision)
        self.redrives = RecordedRedrives()
        self.view = StateView(TARGET)
        self.backlog = Backlog()
        self.watch = HeldWatch(self.view, self.control, self.redrives, lambda kind, _: kind in owned, self.backlog)
        self.first = seen("a", status=Status.HELD, status_time=100)
        for entity in (
            self.first,
            seen("b", status=Status.HELD, status_time=200),
            unit("o", status=Status.HELD, status_time=300),
            seen("c", status_time=1),
        ):
            self.view.absorb(entity)

    def decide(self, decision: Approval | Discard) -> None:
        """A person decides."""
        self.control.take_in(Decided(0, 0, decision))

    def asked(self) -> list[tuple[str, RedriveReason]]:
        """What a look asks for."""
        self.watch.look()
        asyncio.run(self.backlog.drain())
        return sorted(self.redrives.take())


APPROVE, DISCARD = RedriveReason.APPROVE, RedriveReason.DISCARD


def test_without_a_decision_nothing_happens() -> None:
    assert Scene().asked() == []


@pytest.mark.parametrize(
    ("decision", "asked"),
    [
        (Approval(None, None, 300), [("a", APPROVE), ("b", APPROVE), ("o", APPROVE)]),
        (Approval(Kind.ACCOUNT, None, 300), [("a", APPROVE), ("b", APPROVE)]),
        (Approval(None, None, 199), [("a", APPROVE)]),
        (Approval(None, frozenset({"b", "c"}), 300), [("b", APPROVE)]),
        (Discard(Kind.ORGANIZATION, None, 300), [("o", DISCARD)]),
        (Discard(None, frozenset({"a"}), 100), [("a", DISCARD)]),
    ],
)
def test_what_a_decision_speaks_of_is_redriven(
    decision: Approval | Discard, asked: list[tuple[str, RedriveReason]]
) -> None:
    """Its kind, its ids, and nothing that came to be held after it was made."""
    scene = Scene()
    scene.decide(decision)
    assert scene.asked() == asked


def test_the_last_decision_holds() -> None:
    scene = Scene()
    for decision in (Approval(None, None, 200), Discard(None, frozenset({"b"}), 200)):
        scene.decide(decision)
    assert scene.asked() == [("a", APPROVE), ("b", DISCARD)]


def test_a_decision_that_is_there_already_is_found_when_a_state_comes_to_be_known_as_held() -> None:
    """Its owner was away when the person decided."""
    scene = Scene(Approval(None, frozenset({"a"}), 100))
    assert scene.redrives.take() == [("a", APPROVE)]


def test_who_comes_to_be_held_again_is_not_covered_by_an_older_decision() -> None:
    scene = Scene(Approval(None, frozenset({"a"}), 100))
    scene.redrives.take()
    scene.view.absorb(again(again(scene.first), status_time=101))
    assert scene.redrives.take() == []


def test_decisions_about_other_workers_states_are_left_to_those() -> None:
    assert Scene(Approval(None, None, 300), owned=()).asked() == []
