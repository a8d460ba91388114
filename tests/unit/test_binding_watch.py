"""Two entities bound to one entry, and a zombie's late write over a newer state, are mended."""

from dataclasses import replace

from schemas.events import Kind, RedriveReason
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.binding_watch import BindingWatch
from tests.support.redrives import TARGET, RecordedRedrives, again, bound, read, seen, unbound

RELEASE, UNBIND, HEAL = RedriveReason.RELEASE, RedriveReason.UNBIND, RedriveReason.HEAL
OLDER, NEWER = bound(seen("z", partition=3), entry="e", at=1), bound(seen("a", partition=4), entry="e", at=2)


class Scene:
    """A view with a watch on it; `owned` are partitions of accounts."""

    def __init__(self, *entities: Seen, owned: tuple[int, ...] = (1, 3, 4)) -> None:
        self.owned = owned
        self.view = StateView(TARGET)
        self.redrives = RecordedRedrives()
        self.watch = BindingWatch(
            self.view, self.redrives, lambda kind, number: kind is Kind.ACCOUNT and number in self.owned
        )
        for entity in entities:
            self.view.absorb(entity)


def test_the_older_binding_keeps_the_entry_whichever_is_seen_first() -> None:
    """Both are redriven: the one to find another entry, the other to make good what the first did to it."""
    for order in ((OLDER, NEWER), (NEWER, OLDER)):
        assert sorted(Scene(*order).redrives.take()) == [("a", UNBIND), ("z", RELEASE)]


def test_of_two_bindings_of_one_moment_that_of_the_smaller_id_keeps_it() -> None:
    scene = Scene(OLDER, bound(NEWER, entry="e", at=1))
    assert sorted(scene.redrives.take()) == [("a", RELEASE), ("z", UNBIND)]


def test_each_entity_is_redriven_by_its_own_owner() -> None:
    assert Scene(OLDER, NEWER, owned=(3,)).redrives.take() == [("z", RELEASE)]
    assert Scene(OLDER, NEWER, owned=(4,)).redrives.take() == [("a", UNBIND)]


def test_different_entries_are_nobodys_business() -> None:
    assert Scene(OLDER, bound(NEWER, entry="f"), again(OLDER)).redrives.take() == []


def test_once_one_is_unbound_it_is_over() -> None:
    scene = Scene(OLDER, NEWER)
    scene.redrives.take()
    scene.view.absorb(again(unbound(NEWER)))
    scene.view.absorb(again(OLDER))
    assert scene.redrives.take() == []


def test_a_late_write_is_healed_with_the_newer_state() -> None:
    newer = seen("a", revision=(2, 5))
    scene = Scene(newer)
    scene.view.take_in([read(replace(newer, revision=(1, 9)))])
    assert (scene.redrives.take(), scene.redrives.revisions) == ([("a", HEAL)], [(2, 5)])


def test_a_late_write_of_another_workers_state_is_left_to_that_one() -> None:
    scene = Scene(seen("a", revision=(2, 5)), owned=())
    scene.view.take_in([read(seen("a", revision=(1, 9)))])
    assert scene.redrives.take() == []


def test_what_was_seen_before_it_was_ours_is_found_by_looking() -> None:
    """On assignment: while the topics were read at the start, nothing was ours yet."""
    scene = Scene(OLDER, NEWER, bound(seen("b")), owned=())
    scene.watch.look()
    assert scene.redrives.take() == []
    scene.owned = (3, 4)
    scene.watch.look()
    assert sorted(scene.redrives.take()) == [("a", UNBIND), ("z", RELEASE)]
