"""When the states may not tell all that the source holds, and who is swept."""

from collections.abc import Mapping

import pytest

from schemas.control import Decided, Decision, ResyncNeeded, TopicIds
from schemas.events import ROOT_ORGANIZATION, Kind
from schemas.jobs import FullPush
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import State, Status
from streams.control import ControlView
from streams.kafka import Received
from streams.settings import Settings
from streams.verification.evidence import Evidence
from streams.verification.snapshot import Snapshot
from tests.support.configuration import SMALLEST, Load, load  # noqa: F401 - a fixture

IDS = {"idaas.accounts": "A", "ldapflow.accounts": "S", "ldapflow.jobs": "J"}
PUSH = FullPush("p", 1, 1, began=1000, ended=2000)


@pytest.fixture
def settings(load: Load) -> Settings:  # noqa: F811 - the fixture
    return load(SMALLEST)


def evidence(
    settings: Settings,
    *decisions: Decision,
    ids: Mapping[str, str] = IDS,
    push: FullPush | None = None,
    by_kafkas_time: bool = True,
) -> Evidence:
    control = ControlView()
    for offset, decision in enumerate(decisions):
        control.take_in(Decided(offset, 1000 + offset, decision))
    return Evidence(settings, Snapshot(settings), control, ids, by_kafkas_time, push)


def test_topics_that_are_what_they_were_raise_no_doubt(settings: Settings) -> None:
    """Nor do topics that were never recorded."""
    assert list(evidence(settings, TopicIds(IDS)).doubts()) == []
    assert list(evidence(settings).doubts()) == []


def test_a_topic_that_was_made_anew_is_named(settings: Settings) -> None:
    """Even before any worker has noticed; a complete push of before means nothing then."""
    found = evidence(settings, TopicIds(IDS), ids={**IDS, "ldapflow.accounts": "other"}, push=PUSH)
    [doubt] = found.doubts()
    assert "ldapflow.accounts" in doubt
    assert not found.makes_whole(found.control)


def test_the_jobs_may_be_lost(settings: Settings) -> None:
    """They are only records."""
    assert list(evidence(settings, TopicIds(IDS), ids={**IDS, "ldapflow.jobs": "other"}).doubts()) == []


def test_what_a_worker_noticed_holds_until_a_full_push_that_began_later(settings: Settings) -> None:
    noticed = (TopicIds(IDS), ResyncNeeded("idaas.accounts was made anew"))  # the second at 1001
    for push in (None, PUSH):
        found = evidence(settings, *noticed, push=push)
        assert ["made anew" in doubt for doubt in found.doubts()] == [True]
        assert not found.makes_whole(found.control)
    later = evidence(settings, *noticed, push=FullPush("q", 1, 1, began=1001, ended=2000))
    assert (list(later.doubts()), later.makes_whole(later.control)) == ([], True)


def test_the_ids_are_recorded_with_the_first_complete_push_if_they_never_were(settings: Settings) -> None:
    for decisions, expected in (((), True), ((TopicIds(IDS),), False)):
        found = evidence(settings, *decisions, push=PUSH)
        assert found.makes_whole(found.control) is expected


@pytest.mark.parametrize("known", [(), (ResyncNeeded("idaas.accounts was made anew"),)])
def test_what_is_found_lost_while_a_verification_runs_is_not_over_when_it_ends(
    settings: Settings, known: tuple[Decision, ...]
) -> None:
    """Its push came before that; whatever was lost before it is made whole by the next run."""
    push = FullPush("p", 1, 1, began=1001, ended=2000)
    found, now = (evidence(settings, *decisions, push=push) for decisions in (known, (*known, ResyncNeeded("lost"))))
    assert not found.makes_whole(now.control)


def organization(identifier: str, received_time: int = 5) -> Received:
    fields = {"organizationalUnitId": identifier, "organizationalUnitName": identifier, "parentId": ROOT_ORGANIZATION}
    state = State(
        record=record_of(Kind.ORGANIZATION, fields),
        record_time=5,
        event_time=5,
        status=Status.APPLIED,
        status_time=5,
        writer=(1, 1),
        received_time=received_time,
    )
    return Received("ldapflow.organizations", 0, 0, 0, identifier.encode(), encode_state(state))


@pytest.mark.parametrize(("by_kafkas_time", "swept"), [(True, [0, 1, 0]), (False, [0, 0, 0])])
def test_a_complete_push_sweeps_who_was_not_heard_of_since(
    settings: Settings, swept: list[int], *, by_kafkas_time: bool
) -> None:
    """Never the root; and with an hour's margin where producers write the times."""
    found = evidence(settings, push=PUSH, by_kafkas_time=by_kafkas_time)
    found.snapshot.take([organization(ROOT_ORGANIZATION), organization("o1"), organization("o2", received_time=1000)])
    assert list(found.swept()) == swept


def test_nobody_is_swept_without_a_complete_push_or_while_there_is_a_doubt(settings: Settings) -> None:
    for found in (evidence(settings), evidence(settings, ResyncNeeded("lost"), push=FullPush("p", 1, 1, began=999))):
        found.snapshot.take([organization("o1")])
        assert list(found.swept()) == [0]


def test_a_push_without_any_organization_sweeps_none(settings: Settings) -> None:
    """Somebody pushed the file of the accounts alone, or an export was empty."""
    found = evidence(settings, push=FullPush("p", 0, 1, began=1000, ended=2000))
    found.snapshot.take([organization("o1")])
    assert list(found.swept()) == [0]
