"""Who enters or leaves the scope because an organization above was moved is redriven."""

import asyncio
from dataclasses import replace

import pytest

from schemas.dn import DN
from schemas.events import Kind, RedriveReason
from schemas.states import Status
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.backlog import Backlog
from streams.worker.watching.scope_watch import ScopeWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, bound, seen, unit

SOURCE = "src"
HERE = DN.parse("ou=company,dc=example,dc=com")
RELEASE = RedriveReason.RELEASE


class Scene:
    """A view with a watch on it.

    ou_root
    ├── outer
    └── src            the source node
        └── top
    """

    def __init__(self, *entities: Seen, owned: tuple[Kind, ...] = tuple(Kind)) -> None:
        self.owned = owned
        self.view = StateView(TARGET)
        self.redrives = RecordedRedrives()
        self.backlog = Backlog()
        self.watch = ScopeWatch(
            self.view, self.redrives, SOURCE, HERE, lambda kind, _: kind in self.owned, self.backlog
        )
        for entity in (unit("outer", status=Status.OUT_OF_SCOPE), unit(SOURCE), unit("top", SOURCE), *entities):
            self.view.absorb(entity)
        self.asked()

    def change(self, entity: Seen) -> list[str]:
        """Take in a change; returns whose release was asked for."""
        self.view.absorb(entity)
        return self.asked()

    def asked(self) -> list[str]:
        """Whose release is asked for now."""
        asyncio.run(self.backlog.drain())
        asked = self.redrives.take()
        assert {reason for _, reason in asked} <= {RELEASE}
        return sorted(identifier for identifier, _ in asked)


def below(identifier: str, home: str, *parents: str) -> Seen:
    """An account whose entry stands below the entry of one of its organizations."""
    account = bound(seen(identifier, *parents))
    assert account.binding is not None
    return replace(account, binding=replace(account.binding, dn=f"uid={identifier},ou={home},{HERE}"))


def test_everybody_below_an_organization_that_leaves_is_redriven() -> None:
    """At any depth; the organization itself has its own event."""
    scene = Scene(unit("u", "top"), unit("v", "u"), seen("a", "top"), seen("b", "v"), seen("c", SOURCE))
    assert scene.change(again(unit("top", "outer"))) == ["a", "b", "u", "v"]


def test_everybody_below_an_organization_that_enters_is_redriven() -> None:
    outside = Status.OUT_OF_SCOPE
    scene = Scene(
        unit("x", "outer", status=outside), seen("a", "x", status=outside), seen("b", "outer", status=outside)
    )
    assert scene.change(again(unit("x", "top", status=outside))) == ["a"]


def test_who_is_held_and_comes_back_into_scope_is_redriven() -> None:
    """Its deletion waits for a person, and is over now."""
    scene = Scene(unit("x", "outer", status=Status.OUT_OF_SCOPE), seen("a", "x", status=Status.HELD))
    assert scene.change(again(unit("x", "top"))) == ["a"]


def test_a_move_within_the_scope_redrives_nobody() -> None:
    scene = Scene(unit("u", "top"), seen("a", "u"))
    assert scene.change(again(unit("u", SOURCE))) == []


def test_a_change_that_moves_nothing_redrives_nobody() -> None:
    """Not even those whose status is wrong: they were redriven when it became wrong."""
    scene = Scene(unit("x", "outer"), seen("a", "x"))
    assert scene.change(again(unit("x", "outer"), reason="renamed")) == []


def test_the_deletion_of_an_organization_redrives_nobody_below_it() -> None:
    """They wait for it; that is not outside."""
    scene = Scene(unit("u", "top"), seen("a", "u"))
    assert scene.change(again(unit("u", "top"), is_deleted=True)) == []


def test_who_stands_below_an_organization_that_left_moves_to_another_of_its_own_in_scope() -> None:
    """It stays in scope, and so has no other cause; whoever has several homes is asked, wherever it seems to stand."""
    scene = Scene(bound(unit("u", "top")), again(bound(unit("top", SOURCE))))
    scene.change(below("a", "u", "u", "top"))
    scene.change(below("b", "top", "top", "u"))
    assert scene.change(again(again(bound(unit("u", "outer"))))) == ["a", "b"]


def test_an_old_name_that_another_organization_has_by_now_hides_nobody() -> None:
    """`a` was put below `u` when that had the name that `v`, its first home, gets now: by DNs it seems to be there."""
    scene = Scene(bound(unit("u", "top"), name="new"), unit("v", "outer"), again(bound(unit("top", SOURCE))))
    scene.change(below("a", "old", "v", "u"))
    assert scene.change(again(bound(unit("v", "top"), name="old"))) == ["a"]


def test_who_finds_a_better_home_moves_there() -> None:
    """Its first organization comes into scope; it stands below the second."""
    scene = Scene(bound(unit("u", "outer")), again(bound(unit("top", SOURCE))))
    scene.change(below("a", "top", "u", "top"))
    assert scene.change(again(again(bound(unit("u", "top"))))) == ["a"]


def test_a_better_home_is_one_that_has_an_entry() -> None:
    """Until it has one, nobody can move there."""
    scene = Scene(unit("u", "top", status=Status.WAITING), again(bound(unit("top", SOURCE))))
    scene.change(below("a", "top", "u", "top"))
    assert scene.change(again(bound(unit("u", "top")))) == ["a"]


def test_a_better_home_may_be_one_far_below_the_organization_that_gets_an_entry() -> None:
    """The home itself was bound all along: it only waits to be moved below that organization."""
    scene = Scene(again(bound(unit("top", SOURCE))), unit("new", "top"), bound(unit("u", "outer")))
    scene.change(again(bound(unit("u", "new"))))
    scene.change(below("a", "top", "u", "top"))
    assert scene.change(again(bound(unit("new", "top")))) == ["a"]


def test_the_target_node_is_a_home_as_well() -> None:
    scene = Scene(bound(unit("u", "outer")), again(bound(unit("top", SOURCE))))
    scene.change(below("a", "top", "u", SOURCE, "top"))
    scene.change(bound(seen("b", "u", SOURCE)))
    scene.change(again(again(bound(unit("u")))))
    scene.watch.look_at_everything()
    assert scene.asked() == ["a", "u"]  # and not who stands below the target node already


def test_who_is_deleted_or_belongs_nowhere_is_left_alone() -> None:
    scene = Scene(unit("u", "top"), seen("gone", "u", is_deleted=True), seen("a", "u"))
    assert scene.change(again(unit("u", "outer"))) == ["a"]


def test_the_source_node_below_an_organization_that_moves_is_left_alone() -> None:
    """It is the target node, wherever it stands."""
    scene = Scene(unit("x"), again(unit(SOURCE, "x")), seen("a", SOURCE))
    assert scene.change(again(unit("x", "outer"))) == []


def test_a_circle_of_organizations_is_walked_through_once() -> None:
    scene = Scene(unit("u", "top"), unit("v", "u"), seen("a", "v"))
    scene.change(again(unit("u", "v")))
    assert scene.change(again(again(unit("u", "outer")))) == ["a", "v"]


@pytest.mark.parametrize(("owned", "redriven"), [((Kind.ACCOUNT,), ["a"]), ((Kind.ORGANIZATION,), ["v"]), ((), [])])
def test_only_what_is_in_our_partitions_is_redriven(owned: tuple[Kind, ...], redriven: list[str]) -> None:
    scene = Scene(unit("u", "top"), unit("v", "u"), seen("a", "v"), owned=owned)
    assert scene.change(again(unit("u", "outer"))) == redriven


def test_a_redrive_goes_to_the_partition_and_revision_of_the_state() -> None:
    scene = Scene(unit("u", "top"), seen("a", "u", partition=4, revision=(3, 7)))
    scene.change(again(unit("u", "outer")))
    assert (scene.redrives.partitions, scene.redrives.revisions) == ([4], [(3, 7)])


def test_after_an_assignment_everything_is_looked_at() -> None:
    """What happened while nobody, or another, owned the partitions."""
    scene = Scene(seen("a", "outer"), seen("b", "top", status=Status.OUT_OF_SCOPE), seen("c", "top"), owned=())
    scene.watch.look_at_everything()
    assert scene.asked() == []
    scene.owned = tuple(Kind)
    scene.watch.look_at_everything()
    assert scene.asked() == ["a", "b"]
