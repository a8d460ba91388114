"""Why an entity is as it is, in sentences."""

from dataclasses import replace

import pytest

from ldap_sink.inspecting import Inspection
from ldap_sink.outcomes import Waits
from schemas.dn import DN
from schemas.entries import Delete, FoundEntry
from schemas.events import Kind
from schemas.states import Awaited, AwaitsChildren, AwaitsEntity, AwaitsOrganization, AwaitsTime, State, Status
from streams.explain.explanation import Explanation
from streams.explain.reasons import why

STATE = State(None, 5, 5, 5, Status.APPLIED, 9, (1, 1))
FOUND = FoundEntry(DN.parse("uid=a,dc=x"), "uuid", b"csn", {})
IN_THE_WAY = Waits("dn_occupied", AwaitsEntity("b"))
NOTHING = Explanation(Kind.ACCOUNT, "a", None, None)


def told(explanation: Explanation, *, given: bool = False) -> list[str]:
    return why(explanation, "ou_source", given=given)


@pytest.mark.parametrize(
    ("status", "reason", "sentence"),
    [
        (Status.APPLIED, None, "its last event was applied"),
        (Status.APPLIED, "never_known", "its last event was applied (never_known)"),
        (Status.PENDING, None, "incremental provisioning is off: a verification will apply it"),
        (Status.OUT_OF_SCOPE, None, "it is outside the synchronized tree: it has no entry"),
        (Status.DEAD_LETTERED, "bad_rdn", "its last event could not be applied: bad_rdn"),
        (Status.WAITING, "a_newer_reason", "it waits: a_newer_reason"),
    ],
)
def test_every_status_has_its_sentence(status: Status, reason: str | None, sentence: str) -> None:
    assert told(replace(NOTHING, state=replace(STATE, status=status, reason=reason))) == [sentence]


@pytest.mark.parametrize(
    ("awaited", "words"),
    [
        (AwaitsOrganization("o"), "waits for organization o"),
        (AwaitsEntity("b"), "waits for b"),
        (AwaitsEntity("b", Kind.ORGANIZATION), "waits for organization b"),
        (AwaitsChildren(), "waits until they are gone"),
        (AwaitsTime(), "is tried again now and then"),
    ],
)
def test_what_is_waited_for_is_named(awaited: Awaited, words: str) -> None:
    state = replace(STATE, status=Status.WAITING, reason="children", awaited=awaited)
    assert told(replace(NOTHING, state=state))[0].endswith(f"still stand below it; {words}")


@pytest.mark.parametrize(
    ("inspection", "sentence"),
    [
        (Inspection(), "it has no entry, as it should be"),
        (Inspection(FOUND, "binding"), "the entry is as it should be"),
        (Inspection(ambiguous=True, found_by="identifier"), "several entries are found by identifier: none of them is"),
        (Inspection(FOUND, "dn", foreign=True), "the entry there is not ours: it lacks configured"),
        (Inspection(FOUND, "dn", holder=(Kind.ORGANIZATION, "b")), "the entry there belongs to organization b: it is"),
        (Inspection(FOUND, "binding", occupied=IN_THE_WAY), "the entry of account b has the wanted DN"),
        (Inspection(FOUND, "binding", changes=(Delete(FOUND.dn),)), "the directory differs: the next event of it, or"),
    ],
)
def test_the_directory_is_compared_in_words(inspection: Inspection, sentence: str) -> None:
    assert told(replace(NOTHING, state=STATE, inspection=inspection))[-1].startswith(sentence)


def test_only_an_applied_state_is_said_to_be_corrected_by_the_next_event() -> None:
    """What is held or waits is not."""
    inspection = Inspection(FOUND, "binding", changes=(Delete(FOUND.dn),))
    held = replace(STATE, status=Status.HELD)
    assert told(replace(NOTHING, state=held, inspection=inspection))[-1] == "the directory differs, as shown"


def test_where_no_entry_can_be_worked_out_none_is_said_to_be_right() -> None:
    explanation = replace(NOTHING, state=STATE, wanted_problem="bad_rdn: too long", inspection=Inspection(FOUND, "dn"))
    assert told(explanation)[1:] == ["no entry can be worked out: bad_rdn: too long"]


def test_a_pause_is_told_first() -> None:
    """What came since waits in Kafka: the state may be old."""
    assert told(replace(NOTHING, state=STATE, paused=True)) == [
        "writing is paused, events wait in Kafka: `ldapflow resume` goes on",
        "its last event was applied",
    ]


def test_a_given_record_says_nothing_of_the_state() -> None:
    assert told(replace(NOTHING, state=STATE), given=True) == [
        "the entry is worked out from the given record, not from the state"
    ]


def test_a_deleted_entity_says_so() -> None:
    assert told(replace(NOTHING, state=replace(STATE, deleted_at=5)))[0].endswith(" (the source has deleted it)")


@pytest.mark.parametrize("identifier", ["ou_source", "ou_root"])
def test_the_source_node_and_the_root_are_nothing_but_the_target(identifier: str) -> None:
    (sentence,) = told(Explanation(Kind.ORGANIZATION, identifier, STATE, None))
    assert "the target entry stands for it" in sentence
