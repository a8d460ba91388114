"""What a verification found and did, for people."""

from collections.abc import Iterator, Sequence
from typing import Final

import typer

from schemas.events import Kind
from schemas.jobs import (
    DELETED_AT_SOURCE,
    DRIFT,
    Action,
    Difference,
    DriftReport,
    EntryState,
    FailedCorrection,
    JobState,
    Verification,
)
from streams.cli.output import echo_table, one_line

_SHOWN: Final = 50
_WORDS: Final = {
    DELETED_AT_SOURCE: "the source deleted it; it came back, perhaps from a backup: delete it by hand",
}
# What must be corrected comes first, what is nobody's business last.
_ORDER: Final = (
    EntryState.MISSING,
    EntryState.CHANGED,
    EntryState.MISPLACED,
    EntryState.ORPHAN,
    EntryState.DUPLICATE,
    EntryState.HELD,
    EntryState.DEAD_LETTERED,
    EntryState.WAITING,
    EntryState.UNMANAGED,
)


def echo_verification(job: Verification) -> None:
    """Write the drift report, what was corrected, and what could not be, to standard output."""
    if job.report is not None:
        _echo_report(job.report)
    if job.failures:
        typer.echo(f"\nnot corrected: {job.uncorrected}")
        echo_table([("KIND", "ID", "REASON"), *map(_failure_row, job.failures[:_SHOWN])])
        _echo_rest(job.uncorrected - _SHOWN)
    for line in _conclusion(job):
        typer.echo(line)


def corrected(job: Verification) -> str:
    """What was corrected, in words; empty when nothing was."""
    sums = {action: _sum(job, action) for action in Action if action is not Action.FAILED}
    return ", ".join(f"{count} {action}" for action, count in sums.items() if count)


def drifted(report: DriftReport) -> int:
    """How many differ that must be corrected."""
    return sum(count for (_, state), count in report.counts.items() if state in DRIFT)


def _sum(job: Verification, action: Action) -> int:
    return sum(job.corrections.get((kind, action), 0) for kind in Kind)


def _echo_report(report: DriftReport) -> None:
    states = (EntryState.SAME, *_ORDER)
    heading = ("KIND", *(state.upper() for state in states))
    rows = [(kind.value, *(str(report.counts.get((kind, state), 0)) for state in states)) for kind in Kind]
    echo_table([heading, *rows])
    differences = sorted(report.differences, key=lambda difference: _ORDER.index(difference.state))
    if differences:
        typer.echo("")
        echo_table([("STATE", "KIND", "ID", "ENTRY", "DETAIL"), *map(_row, differences[:_SHOWN])])
    _echo_rest(len(differences) - _SHOWN + report.omitted)


def _echo_rest(count: int) -> None:
    if count > 0:
        typer.echo(f"and {count} more: --json")


def _row(difference: Difference) -> tuple[str, ...]:
    entry = difference.dn or difference.wanted_dn or "-"
    return (
        difference.state.value,
        difference.kind.value,
        one_line(difference.id or "-"),
        one_line(entry),
        one_line("; ".join(_details(difference)) or "-"),
    )


def _details(difference: Difference) -> Iterator[str]:
    if difference.dn is not None and difference.wanted_dn not in {None, difference.dn}:
        yield f"belongs at {difference.wanted_dn}"
    if difference.attributes:
        yield ", ".join(difference.attributes)
    if difference.reason is not None:
        yield _WORDS.get(difference.reason, difference.reason)


def _failure_row(failure: FailedCorrection) -> tuple[str, ...]:
    return (failure.kind.value, one_line(failure.id), one_line(failure.reason))


def _conclusion(job: Verification) -> Sequence[str]:
    lines = [f"corrected: {corrected(job)}"] if corrected(job) else []
    if job.report is None or job.state is not JobState.DONE:
        return lines
    count = drifted(job.report)
    if not count and not lines:
        lines.append("nothing differs")
    elif count and job.dry_run:
        lines.append(f"{count} {'differs' if count == 1 else 'differ'}: nothing was changed (dry run)")
    return lines
