"""In which order checks run, and which of them do not."""

import asyncio
from contextlib import aclosing

import pytest

from schemas.errors import CommandFailed
from streams.checking.findings import Finding, Verdict, advice, fault, fine
from streams.checking.running import Check, Findings, run_checks, to_its_end


def check(name: str, *findings: Finding, needs: tuple[str, ...] = ()) -> Check:
    """A check that finds this."""

    async def look() -> Findings:
        for finding in findings:
            yield finding

    return Check(name, look, needs)


async def told(*checks: Check) -> list[tuple[str, Verdict]]:
    """The lines, shortened."""
    return [(line.check, line.finding.verdict) async for line in run_checks(checks)]


async def test_what_needs_a_faulty_check_is_skipped_and_so_is_what_needs_that() -> None:
    """Everything else is looked at."""
    assert await told(
        check("a", fine("x"), fault("y", "z")),
        check("b", fine("x"), needs=("a",)),
        check("c", fine("x"), needs=("b",)),
        check("d", fine("x")),
    ) == [
        ("a", Verdict.FINE),
        ("a", Verdict.FAULT),
        ("b", Verdict.SKIPPED),
        ("c", Verdict.SKIPPED),
        ("d", Verdict.FINE),
    ]


async def test_advice_and_what_is_left_out_hinder_nothing() -> None:
    """A need that is not among the checks counts as met."""
    assert await told(check("a", advice("x", "y")), check("b", fine("x"), needs=("a", "none"))) == [
        ("a", Verdict.ADVICE),
        ("b", Verdict.FINE),
    ]


async def test_a_skipped_check_says_what_it_lacks() -> None:
    """The nearest reason, not the first of all."""
    lines = [line async for line in run_checks([check("a", fault("x", "y")), check("b", needs=("a",))])]
    assert lines[1].finding.text == "not looked at: it needs a"


async def test_a_failure_that_a_check_raises_is_its_fault() -> None:
    """What it found before stays told."""

    async def look() -> Findings:
        yield fine("x")
        raise CommandFailed("away: start it")

    lines = [line async for line in run_checks([Check("a", look), check("b", fine("x"), needs=("a",))])]
    assert [str(line) for line in lines[:2]] == ["✓ a: x", "✗ a: away: start it"]
    assert lines[2].finding.verdict is Verdict.SKIPPED


async def test_each_line_comes_before_the_next_check_begins() -> None:
    """People see how far it is."""
    begun = []

    async def look() -> Findings:
        begun.append("b")
        yield fine("x")

    async with aclosing(run_checks([check("a", fine("x")), Check("b", look)])) as lines:
        await anext(lines)
        assert begun == []


async def test_an_interruption_waits_for_the_end_of_what_must_not_stop_half_way() -> None:
    """And counts then."""
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await go_on.wait()
        ended.append(True)

    task = asyncio.create_task(to_its_end(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended
