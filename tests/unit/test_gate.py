"""What stops all writing besides the directory itself: pause and brake."""

import asyncio

import pytest

from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Kind
from streams.worker.gate import BRAKE_AFTER, Gate

REFUSED = Permanent(DeadLetterReason.REFUSED_BY_DIRECTORY, "invalidAttributeSyntax")
KNOWN = 7
"""The offset up to which the control topic is known when the brake is pulled."""


def refuse(gate: Gate, count: int, *, first: int = 0, failure: Permanent = REFUSED) -> list[bool]:
    """So many different accounts are refused; whether each pulled the brake."""
    return [gate.note_refusal(Kind.ACCOUNT, f"a{number}", failure, KNOWN) for number in range(first, first + count)]


def braked() -> Gate:
    gate = Gate()
    refuse(gate, BRAKE_AFTER)
    return gate


async def is_opened(gate: Gate) -> bool:
    """Whether somebody who waits at the gate may go on."""
    waiting = asyncio.create_task(gate.opened())
    await asyncio.sleep(0)
    done = waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return done


# -- pause -------------------------------------------------------------------------------------------------------------


async def test_at_first_it_is_open() -> None:
    gate = Gate()
    assert (gate.is_open, gate.reasons, gate.halts) == (True, {}, [])
    assert await is_opened(gate)


async def test_a_pause_closes_it_and_says_how_to_go_on() -> None:
    gate = Gate()
    gate.obey(paused=True, resumed_at=None)
    assert not await is_opened(gate)
    assert list(gate.reasons) == ["paused"]
    assert "ldapflow resume" in gate.reasons["paused"]


def test_a_pause_is_a_persons_wish_and_no_halt() -> None:
    gate = Gate()
    gate.obey(paused=True, resumed_at=None)
    assert gate.halts == []


async def test_who_waits_goes_on_when_it_is_resumed() -> None:
    gate = Gate()
    gate.obey(paused=True, resumed_at=None)
    waiting = [asyncio.create_task(gate.opened()) for _ in range(2)]
    await asyncio.sleep(0)
    gate.obey(paused=False, resumed_at=KNOWN + 1)
    await asyncio.gather(*waiting)


async def test_who_waits_goes_on_waiting_while_anything_is_left_that_closes_it() -> None:
    gate = braked()
    gate.obey(paused=True, resumed_at=None)
    waiting = asyncio.create_task(gate.opened())
    await asyncio.sleep(0)
    gate.obey(paused=True, resumed_at=KNOWN + 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.obey(paused=False, resumed_at=KNOWN + 1)
    await waiting


# -- the brake ---------------------------------------------------------------------------------------------------------


def test_the_last_refusal_of_many_in_a_row_pulls_the_brake() -> None:
    gate = Gate()
    assert refuse(gate, BRAKE_AFTER) == [False] * (BRAKE_AFTER - 1) + [True]
    assert (gate.is_open, gate.halts, list(gate.reasons), gate.braked_at) == (False, ["brake"], ["brake"], KNOWN)


def test_one_entity_counts_once() -> None:
    """However often it is tried again."""
    gate = Gate()
    for _ in range(BRAKE_AFTER):
        refuse(gate, 1)
    assert gate.is_open


def test_an_organization_and_an_account_of_one_id_are_two() -> None:
    gate = Gate()
    refuse(gate, BRAKE_AFTER - 1)
    assert gate.note_refusal(Kind.ORGANIZATION, "a0", REFUSED, KNOWN)


def test_a_success_in_between_begins_the_row_anew() -> None:
    gate = Gate()
    refuse(gate, BRAKE_AFTER - 1)
    gate.note_success()
    refuse(gate, BRAKE_AFTER - 1, first=BRAKE_AFTER)
    assert gate.is_open


@pytest.mark.parametrize("reason", sorted(set(DeadLetterReason) - {DeadLetterReason.REFUSED_BY_DIRECTORY}))
def test_only_what_the_server_refuses_counts(reason: DeadLetterReason) -> None:
    """Twenty bad events in a row say nothing of us."""
    gate = Gate()
    assert not any(refuse(gate, BRAKE_AFTER, failure=Permanent(reason, "")))
    assert gate.is_open


def test_the_brake_is_pulled_once() -> None:
    """Events that were under way may still be refused; the place stays that of the first pull."""
    gate = braked()
    assert not gate.note_refusal(Kind.ACCOUNT, "another", REFUSED, KNOWN + 5)
    assert gate.braked_at == KNOWN


@pytest.mark.parametrize(
    ("resumed_at", "is_open"), [(None, False), (KNOWN - 1, False), (KNOWN, False), (KNOWN + 1, True)]
)
def test_only_a_later_resume_ends_the_brake(resumed_at: int | None, *, is_open: bool) -> None:
    """One that was known already is told again at every decision, and cannot have meant this brake."""
    gate = braked()
    gate.obey(paused=False, resumed_at=resumed_at)
    assert gate.is_open is is_open


def test_after_the_brake_the_row_begins_anew() -> None:
    gate = braked()
    gate.obey(paused=False, resumed_at=KNOWN + 1)
    assert refuse(gate, BRAKE_AFTER) == [False] * (BRAKE_AFTER - 1) + [True]
