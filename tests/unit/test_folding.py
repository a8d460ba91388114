"""State and event to the next state: the version rules of design section 4 as tables of cases."""

from dataclasses import replace

import pytest

from processors.folding import Folded, Stale, fold
from processors.retiring import swept
from schemas.events import (
    ConnectivityTest,
    Event,
    EventType,
    Json,
    Kind,
    Payload,
    PushMark,
    Redrive,
    RedriveReason,
    WholeRecord,
)
from schemas.records import account_record, organization_record
from schemas.states import Binding, State, Status
from tests.support.folded_account import created, deleted, joined, left, password, pushed, shown, whole


def folded(*events: Event) -> State:
    state: State | None = None
    for event in events:
        state = fold(state, event).state
    assert state is not None
    return state


def is_stale(*events: Event) -> bool:
    """Whether the last one is."""
    before = folded(*events[:-1]) if len(events) > 1 else None
    return isinstance(fold(before, events[-1]), Stale)


A = whole("a", update=50, event=50)
MOVED = (joined("o2", 60, primary=True), left("o1", 61))

COUNTS = {
    "whole: first": ((A,), "a o1*"),
    "whole: newer by both clocks": ((A, whole("b", update=51, event=51)), "b o1*"),
    "whole: newer updateTime, older eventTime": ((A, whole("b", update=51, event=49)), "b o1*"),
    "whole: equal updateTime, newer eventTime": ((A, whole("b", update=50, event=51)), "b o1*"),
    "whole: the same again": ((A, A), "a o1*"),
    "whole: no updateTime, newer eventTime": ((A, whole("b", update=None, event=51)), "b o1*"),
    "whole: no updateTime, equal eventTime": ((A, whole("b", update=None, event=50)), "b o1*"),
    "whole: the stored one had no updateTime, newer eventTime": (
        (whole("a", update=None, event=50), whole("b", update=9, event=51)),
        "b o1*",
    ),
    "whole: after a password event of a newer eventTime": (
        (A, password(90), whole("b", update=51, event=51)),
        "b o1*",
    ),
    "whole: replaces memberships of an older event": ((A, *MOVED, whole("b", update=70, event=70)), "b o1*"),
    "whole: keeps memberships of a newer event": ((A, *MOVED, whole("b", update=51, event=55)), "b o2* @o2"),
    "whole: older than the memberships, without any, keeps the primary one": (
        (A, *MOVED, whole("b", update=51, event=55, homes=None, primary="o1")),
        "b o2* @o2",
    ),
    "whole: of the very time of a membership event counts": ((A, *MOVED, whole("b", update=61, event=61)), "b o1*"),
    "whole: memberships of an equal eventTime after a password event": (
        (A, joined("o2", 60), password(90), whole("b", update=70, event=70, homes="o3")),
        "b o3",
    ),
    "whole: no word of memberships keeps them": ((A, whole("b", update=51, event=51, homes=None)), "b o1*"),
    "whole: no word of memberships, but a primary one": (
        (A, whole("b", update=51, event=51, homes=None, primary="o2")),
        "b o1* @o2",
    ),
    "whole: no memberships": ((A, whole("b", update=51, event=51, homes="")), "b"),
    "whole: after memberships alone": ((joined("o2", 40), whole("b", update=50, event=50)), "b o1*"),
    "whole: after newer memberships alone": ((joined("o2", 60), whole("b", update=50, event=50)), "b o2"),
    "membership: joins": ((A, joined("o2", 60)), "a o1* o2"),
    "membership: joins as primary": ((A, joined("o2", 60, primary=True)), "a o1 o2* @o2"),
    "membership: joins again": ((A, joined("o1", 60)), "a o1*"),
    "membership: joins again, and keeps its place": (
        (whole("a", update=50, event=50, homes="o1 o2"), joined("o1", 60)),
        "a o1 o2",
    ),
    "membership: joins again as not primary": ((A, joined("o1", 60, primary=False)), "a o1"),
    "membership: joins again as not primary, which it was by an event": (
        (A, joined("o2", 60, primary=True), joined("o2", 61, primary=False)),
        "a o1 o2",
    ),
    "membership: leaves": ((A, joined("o2", 60), left("o2", 61)), "a o1*"),
    "membership: leaves where it never was": ((A, left("o9", 60)), "a o1*"),
    "membership: leaves all": ((A, left("o1", 60)), "a"),
    "membership: leaves the primary one": (
        (whole("a", update=50, event=50, homes="o1 o2", primary="o1"), left("o1", 60)),
        "a o2",
    ),
    "membership: moves by add and remove": ((A, *MOVED), "a o2* @o2"),
    "membership: moves by remove and add": ((A, left("o1", 60), joined("o2", 61)), "a o2"),
    "membership: of an equal eventTime": ((A, joined("o2", 50)), "a o1* o2"),
    "membership: before any record": ((joined("o2", 40), left("o3", 41)), "- o2"),
    "membership: of a record without a word of them": (
        (whole("a", update=50, event=50, homes=None), joined("o2", 60)),
        "a o2",
    ),
    "whole: newer than one without updateTime by both clocks": (
        (A, whole("b", update=None, event=60), whole("c", update=61, event=61)),
        "c o1*",
    ),
    "password: leaves all else": ((A, password(60)), "a o1*"),
    "password: before any record": ((password(60),), "- ?"),
    "delete: newer": ((A, deleted(60)), "deleted"),
    "delete: equal": ((A, deleted(50)), "deleted"),
    "delete: of one that is deleted": ((A, deleted(60), deleted(61)), "deleted"),
    "delete: never known": ((deleted(60),), "deleted"),
    "revive: create with a newer eventTime": ((A, deleted(60), created("b", update=55, event=61)), "b o1*"),
    "revive: create without updateTime": ((A, deleted(60), created("b", update=None, event=61)), "b o1*"),
    "revive: update with a newer updateTime": ((A, deleted(60), whole("b", update=61, event=62)), "b o1*"),
    "revive: push with a newer updateTime": ((A, deleted(60), pushed("b", update=61)), "b o1*"),
    "revive: nothing of the former life is left": (
        (A, *MOVED, deleted(70), created("b", update=71, event=71, homes=None)),
        "b ?",
    ),
    "revive: memberships of the former life do not hold": (
        (A, joined("o2", 90), deleted(95), created("b", update=96, event=97), whole("c", update=98, event=98)),
        "c o1*",
    ),
    "push: newer": ((A, pushed("b", update=60)), "b o1*"),
    "push: of what is known already": ((pushed("a", update=50), pushed("a", update=50, push="p2")), "a o1*"),
    "push: keeps newer memberships": ((A, *MOVED, pushed("b", update=55)), "b o2* @o2"),
}

STALE = {
    "whole: older by both clocks": ((A, whole("b", update=49, event=49)), "a o1*"),
    "whole: older updateTime, newer eventTime": ((A, whole("b", update=49, event=90)), "a o1*"),
    "whole: equal updateTime, older eventTime": ((A, whole("b", update=50, event=49)), "a o1*"),
    "whole: no updateTime, older eventTime": ((A, whole("b", update=None, event=49)), "a o1*"),
    "whole: the stored one had no updateTime, older eventTime": (
        (whole("a", update=None, event=50), whole("b", update=90, event=49)),
        "a o1*",
    ),
    "whole: no updateTime, older than a password event": (
        (A, password(60), whole("b", update=None, event=55)),
        "a o1*",
    ),
    "whole: equal updateTime, older than a membership event": (
        (A, joined("o2", 60), whole("b", update=50, event=55)),
        "a o1* o2",
    ),
    "whole: one without updateTime does not let older ones in": (
        (A, whole("b", update=None, event=60), whole("c", update=49, event=70)),
        "b o1*",
    ),
    "whole: newer updateTime, but told before one that had none": (
        (A, whole("b", update=None, event=60), whole("c", update=55, event=55)),
        "b o1*",
    ),
    "whole: of a former life": (
        (A, deleted(60), created("b", update=None, event=70), whole("a", update=50, event=50)),
        "b o1*",
    ),
    "membership: older": ((A, joined("o2", 49)), "a o1*"),
    "membership: older than a password event": ((A, password(60), left("o1", 55)), "a o1*"),
    "membership: older remove after a newer add": ((A, joined("o2", 60), left("o2", 59)), "a o1* o2"),
    "membership: of one that is deleted": ((A, deleted(60), joined("o2", 70)), "deleted"),
    "password: older": ((A, password(49)), "a o1*"),
    "password: of one that is deleted": ((A, deleted(60), password(70)), "deleted"),
    "delete: older": ((A, deleted(49)), "a o1*"),
    "delete: older than a membership event": ((A, joined("o2", 60), deleted(55)), "a o1* o2"),
    "delete: older than the revival": ((A, deleted(60), created("b", update=61, event=61), deleted(60)), "b o1*"),
    "deleted: create of an older eventTime": ((A, deleted(60), created("b", update=59, event=59)), "deleted"),
    "deleted: create of the same eventTime": ((A, deleted(60), created("b", update=60, event=60)), "deleted"),
    "deleted: update of an older updateTime": ((A, deleted(60), whole("b", update=59, event=90)), "deleted"),
    "deleted: update without updateTime": ((A, deleted(60), whole("b", update=None, event=90)), "deleted"),
    "deleted: the last record again, whose clock was ahead": (
        (whole("a", update=90, event=50), deleted(60), whole("a", update=90, event=50)),
        "deleted",
    ),
    "deleted: push of an older updateTime": ((A, deleted(60), pushed("b", update=59)), "deleted"),
    "deleted: never known, then an older create": ((deleted(60), created("b", update=50, event=50)), "deleted"),
    "push: older": ((A, pushed("b", update=49)), "a o1*"),
    "push: of the same record, by an update that was later told": (
        (whole("a", update=50, event=55), pushed("a", update=50)),
        "a o1*",
    ),
}


@pytest.mark.parametrize(("events", "result"), COUNTS.values(), ids=COUNTS.keys())
def test_what_is_not_older_counts(events: tuple[Event, ...], result: str) -> None:
    assert shown(folded(*events)) == result
    assert not is_stale(*events)


@pytest.mark.parametrize(("events", "result"), STALE.values(), ids=STALE.keys())
def test_what_is_older_changes_nothing(events: tuple[Event, ...], result: str) -> None:
    assert shown(folded(*events)) == result
    assert is_stale(*events)


TIMES: dict[str, tuple[tuple[Event, ...], tuple[int, int, int | None, int | None]]] = {
    "whole": ((A,), (50, 50, None, None)),
    "whole without updateTime": ((whole("a", update=None, event=50),), (0, 50, None, None)),
    "whole without updateTime after one with": ((A, whole("a", update=None, event=60)), (50, 60, None, None)),
    "eventTime never goes back": ((A, password(90), whole("b", update=60, event=60)), (60, 90, None, None)),
    "membership": ((A, joined("o2", 60)), (50, 60, 60, None)),
    "membership alone": ((joined("o2", 60),), (-1, 60, 60, None)),
    "whole, older than the membership": ((A, joined("o2", 60), whole("b", update=55, event=55)), (55, 60, 60, None)),
    "whole, newer than the membership": ((A, joined("o2", 60), whole("b", update=65, event=65)), (65, 65, None, None)),
    "password": ((A, password(60)), (50, 60, None, None)),
    "password alone": ((password(60),), (-1, 60, None, None)),
    "delete": ((A, deleted(60)), (50, 60, None, 60)),
    "delete alone": ((deleted(60),), (-1, 60, None, 60)),
    "later delete": ((A, deleted(60), deleted(70)), (50, 70, None, 70)),
    "revived": ((A, joined("o2", 55), deleted(60), created("b", update=70, event=71)), (70, 71, None, None)),
    "revived by updateTime: the times replace the old ones": (
        (A, password(80), deleted(90), whole("b", update=95, event=96)),
        (95, 96, None, None),
    ),
}


@pytest.mark.parametrize(("events", "times"), TIMES.values(), ids=TIMES.keys())
def test_the_clocks_are_kept_apart(events: tuple[Event, ...], times: tuple[int, int, int | None, int | None]) -> None:
    """recordTime, eventTime, membershipTime, deletedAt."""
    state = folded(*events)
    assert (state.record_time, state.event_time, state.membership_time, state.deleted_at) == times


def test_memberships_alone_are_no_whole_record() -> None:
    """Nothing can be created from them."""
    assert not folded(joined("o2", 60)).whole


def test_the_fields_follow_the_memberships() -> None:
    """What is written to the state is read again as the same record; names and unknown fields of a unit stay."""
    unit: dict[str, Json] = {
        "organizationalUnitId": "o1",
        "organizationalUnitName": "R&D",
        "primary": False,
        "later": 7,
    }
    record = account_record({"userId": "u1", "updateTime": 50, "organizationalUnits": [unit]})
    state = folded(replace(A, payload=WholeRecord(record, revives=False)), joined("o2", 60, primary=True))
    assert state.record is not None
    assert state.record.fields["organizationalUnits"] == [unit, {"organizationalUnitId": "o2", "primary": True}]
    assert state.record.fields["primaryOrganizationalUnitId"] == "o2"
    assert account_record(state.record.fields) == state.record


def test_a_late_record_brings_the_names_of_kept_memberships() -> None:
    """An add_user event knows no name of the organization."""
    unit: dict[str, Json] = {"organizationalUnitId": "o2", "organizationalUnitName": "Sales", "primary": True}
    record = account_record({"userId": "u1", "updateTime": 51, "organizationalUnits": [unit]})
    state = folded(A, joined("o2", 60), replace(A, time=55, payload=WholeRecord(record, revives=False)))
    assert state.record is not None
    assert state.record.fields["organizationalUnits"] == [
        {"organizationalUnitId": "o1", "primary": True},
        {"organizationalUnitId": "o2", "organizationalUnitName": "Sales", "primary": False},
    ]


def test_an_organization_is_folded_by_the_same_rules() -> None:
    """It has no memberships to keep."""

    def event(name: str, update: int) -> Event:
        record = organization_record({"organizationalUnitId": "o1", "name": name, "updateTime": update})
        return Event(
            EventType.ORGANIZATION_UPDATE, Kind.ORGANIZATION, "o1", None, update, 1, WholeRecord(record, revives=False)
        )

    state = folded(event("a", 50), event("b", 60), event("c", 55))
    assert state.record is not None
    assert state.record.fields == {"organizationalUnitId": "o1", "organizationalUnitName": "b", "updateTime": 60}


LEFT_OUT = swept(folded(pushed("a", update=50, push="p1")))


@pytest.mark.parametrize(
    ("event", "is_back"),
    [
        (pushed("a", update=50, push="p2"), True),
        (pushed("a", update=50, push="p1"), False),  # a late repeat
        (pushed("a", update=49, push="p2"), False),
        (whole("a", update=50, event=50), False),
        (whole("a", update=51, event=52), True),
    ],
)
def test_what_a_push_left_out_by_mistake_comes_back_with_another_push(event: Event, *, is_back: bool) -> None:
    """Though the record is the same; a repeat of what came before the sweep does not revive it."""
    folding = fold(LEFT_OUT, event)
    assert (isinstance(folding, Folded), folding.state.deleted_at is None) == (is_back, is_back)


@pytest.mark.parametrize("update", [50, 60])
def test_what_an_event_deleted_does_not_come_back_with_the_same_record_of_a_push(update: int) -> None:
    """The push was made from what the source had before."""
    before = folded(pushed("a", update=update), deleted(60))
    assert isinstance(fold(before, pushed("a", update=update, push="p2")), Stale)


def test_a_push_is_noted_though_it_is_stale() -> None:
    """The completeness proof counts who was reached; later live events keep the id."""
    state = folded(A, pushed("b", update=49, push="p1"), whole("c", update=60, event=60))
    assert (shown(state), state.push_id) == ("c o1*", "p1")


def test_the_received_time_is_that_of_the_latest_event() -> None:
    """By Kafka's clock; of a stale one, too."""
    state = folded(replace(A, received_time=5), replace(whole("b", update=9, event=9), received_time=7))
    assert state.received_time == 7
    assert folded(replace(A, received_time=5), replace(A, received_time=4)).received_time == 5


@pytest.mark.parametrize("event", [A, deleted(60), joined("o2", 60), password(60), deleted(1)])
def test_what_applying_decides_is_left_alone(event: Event) -> None:
    before = replace(
        folded(A),
        status=Status.HELD,
        status_time=3,
        writer=(1, 2),
        binding=Binding("e", "uid=a", "t", 1),
        reason="guard",
        removed_at=4,
        locked=True,
    )
    after = fold(before, event).state
    kept = ("status", "status_time", "writer", "binding", "reason", "removed_at", "locked", "password", "awaited")
    assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]


@pytest.mark.parametrize("payload", [PushMark(True, 1, 1), Redrive((1, 1), RedriveReason.RELEASE), ConnectivityTest()])
def test_what_says_nothing_of_the_entity_is_no_event_to_fold(payload: Payload) -> None:
    with pytest.raises(TypeError):
        fold(None, replace(A, payload=payload))


def test_folding_says_whether_it_counts() -> None:
    """By type, so that nobody forgets to ask."""
    first = fold(None, A)
    assert isinstance(first, Folded)
    assert isinstance(fold(first.state, deleted(1)), Stale)
