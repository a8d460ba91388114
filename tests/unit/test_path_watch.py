"""Organizations whose path has changed are written again."""

import asyncio

import pytest

from schemas.events import Kind, RedriveReason
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.path_watch import PathWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, bound, seen, unit

SOURCE = "src"


class Scene:
    """A view with a watch on it: `top` below the source node, `u` below that, `v` below that; all have entries."""

    def __init__(self, *entities: Seen, owned: tuple[int, ...] = (0, 1)) -> None:
        self.owned = owned
        self.view = StateView(TARGET)
        self.redrives = RecordedRedrives()
        self.backlog = Backlog()
        self.watch = PathWatch(self.view, self.redrives, lambda _, partition: partition in self.owned, self.backlog)
        self.top = bound(unit("top", SOURCE, name="Top"))
        for entity in (self.top, bound(unit("u", "top", name="U")), bound(unit("v", "u", name="V")), *entities):
            self.view.absorb(entity)
        self.asked()

    def change(self, entity: Seen) -> list[str]:
        """Take in a change; returns who is redriven then."""
        self.view.absorb(entity)
        return self.asked()

    def asked(self) -> list[str]:
        """Who is redriven now."""
        asyncio.run(self.backlog.drain())
        asked = self.redrives.take()
        assert {reason for _, reason in asked} <= {RedriveReason.RELEASE}
        return sorted(identifier for identifier, _ in asked)


@pytest.mark.parametrize("change", [{"name": "Other"}, {"name": None}, {"parents": ("elsewhere",)}])
def test_those_below_one_with_another_name_or_place_are_redriven(change: dict[str, object]) -> None:
    """At any depth; the organization itself has its own event."""
    scene = Scene()
    assert scene.change(again(scene.top, **change)) == ["u", "v"]


@pytest.mark.parametrize("change", [{"reason": "touched"}, {"status_time": 9}, {"is_deleted": True}])
def test_what_changes_no_path_redrives_nobody(change: dict[str, object]) -> None:
    scene = Scene()
    assert scene.change(again(scene.top, **change)) == []


def test_accounts_and_who_has_no_entry_are_left_alone() -> None:
    """An entry that is made later is made with the path of then."""
    scene = Scene(bound(seen("a", "top")), unit("w", "top", name="W"))
    assert scene.change(again(scene.top, name="Other")) == ["u", "v"]


def test_an_account_that_changes_redrives_nobody() -> None:
    """Not even one with the id of an organization."""
    scene = Scene()
    assert scene.change(bound(seen("top", "x", name="Mei"))) == []


def test_who_lies_in_other_workers_partitions_is_left_to_those() -> None:
    scene = Scene(again(bound(unit("v", "u", name="V", partition=7))), owned=(0,))
    assert scene.change(again(scene.top, name="Other")) == ["u"]


def test_one_that_comes_above_others_redrives_them() -> None:
    """Its state was removed and made anew, or came after theirs."""
    scene = Scene(bound(unit("y", "x", name="Y")))
    assert scene.change(unit("x", SOURCE, name="X")) == ["y"]
    scene.view.forget((Kind.ORGANIZATION, "x"))
    assert scene.asked() == ["y"]


def test_after_an_assignment_every_one_with_an_entry_is_redriven() -> None:
    """The former owner may have ended before it asked for what it noticed."""
    scene = Scene(bound(seen("a", "top")), unit("w", "top"))
    scene.watch.look_at_everything()
    assert scene.asked() == ["top", "u", "v"]
