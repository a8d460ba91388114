"""Runs checks in their order; what needs something that is not there is skipped and says so."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from schemas.errors import LdapflowError
from streams.checking.findings import Finding, Line, Verdict, faults_of, skipped

T = TypeVar("T")

Findings: TypeAlias = AsyncGenerator[Finding, None]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to look at.

    Attributes:
        look: yields what it finds, each as soon as it is known; an LdapflowError that it raises is a fault.
        needs: names of checks before it, without which it would say nothing.
    """

    name: str
    look: Callable[[], Findings]
    needs: tuple[str, ...] = ()


async def run_checks(checks: Iterable[Check]) -> AsyncGenerator[Line, None]:
    """Run the checks, one after the other. Close the iterator (`contextlib.aclosing`) when leaving it early."""
    unmet: set[str] = set()
    for check in checks:
        lacking = [name for name in check.needs if name in unmet]
        if lacking:
            unmet.add(check.name)
            yield Line(check.name, skipped(f"it needs {' and '.join(lacking)}"))
            continue
        async with aclosing(_found(check)) as findings:
            async for finding in findings:
                if finding.verdict is Verdict.FAULT:
                    unmet.add(check.name)
                yield Line(check.name, finding)


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Run what must not stop half-way; an interruption counts when it has ended."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # who interrupts does not want to know
        raise


async def _found(check: Check) -> Findings:
    try:
        async with aclosing(check.look()) as findings:
            async for finding in findings:
                yield finding
    except LdapflowError as exc:
        for finding in faults_of(exc):
            yield finding
