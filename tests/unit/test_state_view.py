"""What every worker knows of all entities."""

import asyncio
import random
from collections import Counter
from dataclasses import replace

from schemas.dn import DN
from schemas.events import Json, Kind
from schemas.records import record_of
from schemas.states import Binding, State, Status
from streams.worker.states.state_view import Reading, Seen, StateView, seen_of
from tests.support.redrives import TARGET, again, bound, read, seen, unbound, unit


def view_of(*entities: Seen) -> StateView:
    view = StateView(TARGET)
    for entity in entities:
        view.absorb(entity)
    return view


# -- what is kept of a state -------------------------------------------------------------------------------------------


def state(**changes: object) -> State:
    fields: dict[str, Json] = {"userId": "a", "username": "a", "organizationalUnits": [{"organizationalUnitId": "o"}]}
    first = State(record_of(Kind.ACCOUNT, fields), 5, 5, 5, Status.APPLIED, 7, (2, 3))
    return replace(first, **changes)  # type: ignore[arg-type]


def test_of_a_state_what_others_must_know_is_kept() -> None:
    kept = seen_of(Kind.ACCOUNT, "a", 4, state(), TARGET)
    assert (kept.subject, kept.partition, kept.revision) == ((Kind.ACCOUNT, "a"), 4, (2, 3))
    assert (kept.parents, kept.parent_id, kept.status_time) == (("o",), "o", 7)


def test_a_binding_below_another_target_counts_as_none() -> None:
    dn = str(DN.parse("uid=a,dc=example"))
    ours, theirs = (state(binding=Binding("e", dn, target, 1)) for target in (TARGET, "another"))
    assert seen_of(Kind.ACCOUNT, "a", 0, ours, TARGET).is_bound
    assert not seen_of(Kind.ACCOUNT, "a", 0, theirs, TARGET).is_bound


def test_a_state_without_a_record_has_no_parents() -> None:
    kept = seen_of(Kind.ACCOUNT, "a", 0, state(record=None, deleted_at=9), TARGET)
    assert (kept.parents, kept.parent_id, kept.is_deleted) == ((), None, True)


# -- revisions ---------------------------------------------------------------------------------------------------------


def test_the_greater_revision_wins_in_whatever_order_they_come() -> None:
    """The generation of the group comes before the counter."""
    older, newer = seen("a", revision=(1, 9), reason="older"), seen("a", revision=(2, 1), reason="newer")
    for order in ((older, newer), (newer, older)):
        assert view_of(*order).get((Kind.ACCOUNT, "a")) == newer


def test_listeners_hear_of_a_change_once_with_what_was_before() -> None:
    first, second = seen("a"), again(seen("a"), reason="x")
    view, heard = StateView(TARGET), list[tuple[Seen | None, Seen | None]]()
    view.listen(lambda before, after: heard.append((before, after)))
    for entity in (first, first, second, first):
        view.absorb(entity)
    view.forget(first.subject)
    view.forget(first.subject)
    assert heard == [(None, first), (first, second), (second, None)]


def test_a_late_write_of_an_older_generation_is_told_with_the_newer_state() -> None:
    """A zombie's: whoever reads the topic from its start would end with it."""
    newer = seen("a", revision=(2, 1))
    view, late = view_of(newer), list[Seen]()
    view.listen_to_late_writes(late.append)
    view.take_in([read(seen("a", revision=(1, 7)))])
    assert late == [newer]
    assert view.get(newer.subject) == newer


def test_two_contents_of_one_revision_are_told() -> None:
    """Two workers of one generation wrote: only one of both can be right."""
    known = seen("a")
    view, late = view_of(known), list[Seen]()
    view.listen_to_late_writes(late.append)
    view.take_in([read(replace(known, reason="another"))])
    assert late == [known]


def test_our_own_writes_come_back_quietly() -> None:
    """They are absorbed at once, and read one by one afterwards."""
    writes = [seen("a"), again(seen("a")), again(again(seen("a")))]
    view, late, heard = view_of(*writes), list[Seen](), list[Seen | None]()
    view.listen_to_late_writes(late.append)
    view.listen(lambda _, after: heard.append(after))
    view.take_in(map(read, writes))
    assert (late, heard) == ([], [])


def test_a_state_that_was_removed_is_known_no_more() -> None:
    view = view_of(bound(seen("a", "o", status=Status.HELD)))
    view.take_in([Reading((Kind.ACCOUNT, "a"), None)])
    assert view.get((Kind.ACCOUNT, "a")) is None
    assert ({*view.members("o")}, view.holder("a"), view.bound_count(Kind.ACCOUNT)) == (set(), None, 0)
    assert view.count_with_status(Kind.ACCOUNT, Status.HELD) == 0


# -- bindings ----------------------------------------------------------------------------------------------------------


def test_of_several_the_one_bound_first_holds_the_entry() -> None:
    view = view_of(bound(seen("a"), entry="e", at=9), bound(seen("b"), entry="e", at=3))
    assert view.holder("e") == (Kind.ACCOUNT, "b")
    assert view.holders("e") == {(Kind.ACCOUNT, "a"), (Kind.ACCOUNT, "b")}


def test_of_several_bound_at_once_the_one_with_the_smaller_id_holds_the_entry() -> None:
    assert view_of(*(bound(seen(name), entry="e") for name in "cab")).holder("e") == (Kind.ACCOUNT, "a")


def test_of_an_account_and_an_organization_of_one_id_it_is_always_the_same_one() -> None:
    """Every worker must see the same holder, whatever it read first."""
    both = [bound(seen("a"), entry="e"), bound(unit("a"), entry="e")]
    assert view_of(*both).holder("e") == view_of(*reversed(both)).holder("e") == (Kind.ACCOUNT, "a")


def test_who_is_unbound_holds_nothing() -> None:
    entity = bound(seen("a"), entry="e")
    view = view_of(entity, again(unbound(entity)))
    assert (view.holder("e"), view.holders("e"), view.bound_count(Kind.ACCOUNT)) == (None, frozenset(), 0)


def test_who_gets_another_entry_leaves_the_first() -> None:
    entity = bound(seen("a"), entry="e")
    view = view_of(entity, again(bound(entity, entry="f")))
    assert (view.holder("e"), view.holder("f"), view.bound_count(Kind.ACCOUNT)) == (None, entity.subject, 1)


def test_entries_with_several_holders_are_known_as_long_as_they_have_them() -> None:
    view = view_of(*(bound(seen(name), entry="e") for name in "abc"), bound(seen("d")))
    assert view.shared_entries() == {"e"}
    view.absorb(again(unbound(seen("a"))))
    assert view.shared_entries() == {"e"}
    view.absorb(again(unbound(seen("b"))))
    assert view.shared_entries() == frozenset()


def test_entries_are_counted_for_each_kind() -> None:
    view = view_of(bound(seen("a")), bound(seen("b")), seen("c"), bound(unit("o")))
    assert [view.bound_count(kind) for kind in (Kind.ACCOUNT, Kind.ORGANIZATION)] == [2, 1]


# -- the tree ----------------------------------------------------------------------------------------------------------


def test_members_are_all_that_name_the_organization() -> None:
    """As parent, or as one of several memberships; until they name it no more."""
    account = seen("a", "p", "o")
    view = view_of(account, unit("u", "o"), seen("b", "p"))
    assert {*view.members("o")} == {account.subject, (Kind.ORGANIZATION, "u")}
    view.absorb(again(account, parents=("p",)))
    assert {*view.members("o")} == {(Kind.ORGANIZATION, "u")}


def test_only_organizations_make_the_tree() -> None:
    view = view_of(seen("x"), unit("o"))
    assert (view.organization("x"), view.organization("o")) == (None, unit("o"))


def test_empty_below_is_where_nobody_has_an_entry() -> None:
    account = bound(seen("a", "o"))
    view = view_of(unit("o"), account, seen("b", "o"))
    assert not view.is_empty_below("o")
    view.absorb(again(unbound(account)))
    assert view.is_empty_below("o")


def test_below_are_all_at_any_depth_each_organization_once() -> None:
    """Whatever circles there are."""
    view = view_of(unit("u", "w"), unit("v", "u"), unit("w", "v"), seen("a", "w"), seen("b", "x"))
    assert sorted(one.id for one in view.below("u")) == ["a", "u", "v", "w"]


def test_the_view_may_change_while_one_goes_through_those_below() -> None:
    """Who goes meanwhile is left out."""
    view = view_of(unit("v", "u"), *(seen(f"a{number}", "v") for number in range(5)))
    found = list[str]()
    for one in view.below("u"):
        found.append(one.id)
        view.absorb(seen(f"new after {one.id}", "v"))
        view.forget((Kind.ACCOUNT, "a3"))
    assert {"v", "a0", "a1", "a2", "a4"} <= {*found}
    assert "a3" not in found


# -- statuses and removals ---------------------------------------------------------------------------------------------


def test_who_is_in_a_status_is_found_as_long_as_it_is() -> None:
    held = seen("a", status=Status.HELD)
    view = view_of(held, seen("b", status=Status.WAITING), unit("o", status=Status.HELD))
    assert list(view.with_status(Kind.ACCOUNT, Status.HELD)) == [held]
    assert view.count_with_status(Kind.ACCOUNT, Status.HELD) == 1
    view.absorb(again(held, status=Status.APPLIED))
    assert list(view.with_status(Kind.ACCOUNT, Status.HELD)) == []


def test_who_is_in_a_status_is_counted_as_changes_come() -> None:
    """By partition and reason, as if all were counted anew, after any history."""
    chance, view = random.Random(7), StateView(TARGET)
    for number in range(1500):
        kind, identifier = chance.choice(list(Kind)), f"id{chance.randrange(12)}"
        if chance.random() < 0.1:
            view.forget((kind, identifier))
            continue
        view.absorb(
            seen(
                identifier,
                kind=kind,
                revision=(1, number),
                partition=chance.randrange(3),
                status=chance.choice([Status.APPLIED, Status.WAITING, Status.HELD]),
                reason=chance.choice([None, "one", "other"]),
            )
        )
        for one in Kind:
            for status in (Status.WAITING, Status.HELD):
                plain = Counter((entity.partition, entity.reason) for entity in view.with_status(one, status))
                assert view.tallies(one, status) == plain


def test_states_may_change_while_those_in_a_status_are_walked_through() -> None:
    view = view_of(*(seen(name, status=Status.HELD) for name in "abc"))
    for entity in view.with_status(Kind.ACCOUNT, Status.HELD):
        view.absorb(again(entity, status=Status.APPLIED))
    assert view.count_with_status(Kind.ACCOUNT, Status.HELD) == 0


def test_removals_are_counted_from_a_moment_on() -> None:
    """Each kind by itself; the moment belongs to it."""
    view = view_of(seen("a", removed_at=10), seen("b", removed_at=20), unit("o", removed_at=30), seen("c"))
    assert view.removals_since(Kind.ACCOUNT, 10) == 2
    assert view.removals_since(Kind.ACCOUNT, 11) == 1
    assert view.removals_since(Kind.ORGANIZATION, 0) == 1


def test_a_removal_counts_though_the_entity_has_come_back_since() -> None:
    removed = seen("a", removed_at=10)
    assert view_of(removed, again(bound(removed))).removals_since(Kind.ACCOUNT, 10) == 1


# -- reading back ------------------------------------------------------------------------------------------------------


async def test_reading_back_ends_when_the_write_itself_has_come_from_kafka() -> None:
    """Neither our own knowledge of it nor an earlier write of the same entity is enough."""
    first, second = seen("a"), again(seen("a"))
    view = view_of(first, second)
    waiting = asyncio.create_task(view.read_back(second.subject, second.revision))
    for readings in ([], [read(first)], [read(again(again(seen("b"))))]):
        await asyncio.sleep(0)
        view.take_in(readings)
    await asyncio.sleep(0)
    assert not waiting.done()
    view.take_in([read(second)])
    async with asyncio.timeout(5):
        await waiting


async def test_reading_back_ends_though_an_earlier_write_comes_after_it() -> None:
    """A zombie's; or a later write has come already."""
    first, second = seen("a"), again(seen("a"))
    view = view_of(first, second)
    waiting = asyncio.create_task(view.read_back(second.subject, second.revision))
    await asyncio.sleep(0)
    view.take_in([read(again(second)), read(first)])
    async with asyncio.timeout(5):
        await waiting
