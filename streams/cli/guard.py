"""`ldapflow guard`: deletions that are held because they were too many."""

import asyncio
from collections.abc import Sequence
from time import time
from typing import Annotated, Any

import typer

from processors.guarding import GuardLimits, is_closed
from schemas.control import Approval, Discard
from schemas.events import Kind
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, echo_table, moment, one_line
from streams.cli.progress import progress
from streams.control import decide
from streams.held import PATIENCE_SECONDS, HeldDeletions
from streams.kafka import Publisher
from streams.settings import Settings
from streams.settings.guard import guard_limits
from streams.worker.states.state_view import Seen

Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Only these; otherwise all that are held now.")]
OfKind = Annotated[Kind | None, typer.Option("--kind", help="Only this kind.")]
Patience = Annotated[
    float,
    typer.Option("--patience", min=0, metavar="SECONDS", help="Give up waiting when nothing changes for so long."),
]


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(no_args_is_help=True, help="Deletions that wait for a decision.", rich_markup_mode=None)
    group.command("status")(status)
    group.command("approve")(approve)
    group.command("discard")(discard)
    app.add_typer(group, name="guard")


def status(
    context: typer.Context,
    *,
    kind: OfKind = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say for each kind whether deletions are held, and list those that are."""
    settings = invocation_of(context).settings()
    guards, held = asyncio.run(_status(settings, [kind] if kind else list(Kind)))
    if as_json:
        echo_json({"guards": guards, "held": [_document(seen) for seen in held]})
        return
    for guard in guards:
        typer.echo(_line(guard))
    if held:
        heading = ("KIND", "ID", "SINCE", "REASON", "ENTRY")
        echo_table([heading, *(_row(seen) for seen in held)])


def approve(
    context: typer.Context, ids: Ids = None, *, kind: OfKind = None, patience: Patience = PATIENCE_SECONDS
) -> None:
    """Let held deletions happen, and wait until they have. Later ones are not meant."""
    settings = invocation_of(context).settings()
    done = asyncio.run(_decide(settings, Approval, kind, ids or [], patience))
    typer.echo(f"approved {done}" if done else "nothing is held")


def discard(
    context: typer.Context, ids: Ids = None, *, kind: OfKind = None, patience: Patience = PATIENCE_SECONDS
) -> None:
    """Drop held deletions, and wait until it is so: the entries stay, and are managed by nobody. Not later ones."""
    settings = invocation_of(context).settings()
    done = asyncio.run(_decide(settings, Discard, kind, ids or [], patience))
    typer.echo(f"discarded {done}" if done else "nothing is held")


async def _status(settings: Settings, kinds: Sequence[Kind]) -> tuple[list[dict[str, Any]], list[Seen]]:
    limits, now = guard_limits(settings), round(time() * 1000)
    async with HeldDeletions.opened(settings) as deletions:
        guards = [_guard(kind, limits[kind], deletions, now) for kind in kinds]
        return guards, [seen for kind in kinds for seen in deletions.of(kind)]


async def _decide(
    settings: Settings, sort: type[Approval | Discard], kind: Kind | None, ids: Sequence[str], patience: float
) -> int:
    """Write the decision down and wait; returns how many it speaks of."""
    async with HeldDeletions.opened(settings) as deletions:
        chosen = deletions.chosen(kind, ids)
        if not chosen:
            return 0
        # Nobody has looked at what comes to be held later: it is not meant.
        before = max(seen.status_time for seen in chosen)
        decision = sort(kind, frozenset(seen.id for seen in chosen) if ids else None, before)
        try:
            async with Publisher(settings) as publisher:
                await decide(publisher, settings, decision)
            with progress("decided and done", len(chosen)) as show:
                await deletions.carried_out(decision, show, patience)
        except asyncio.CancelledError:  # Ctrl-C
            typer.echo("interrupted while waiting: the decision is recorded and stays valid", err=True)
            raise
    return len(chosen)


def _guard(kind: Kind, limits: GuardLimits, deletions: HeldDeletions, now: int) -> dict[str, Any]:
    removed = deletions.view.removals_since(kind, limits.window_start(now))
    bound, held = deletions.view.bound_count(kind), len(deletions.of(kind))
    return {
        "kind": kind.value,
        "closed": is_closed(removed, bound, held, limits),
        "held": held,
        "removed": removed,
        "entries": bound,
        "count": limits.count,
        "percent": limits.percent,
        "windowMinutes": limits.window_ms // 60_000,
    }


def _line(guard: dict[str, Any]) -> str:
    limits = [f"{guard['count']}"] if guard["count"] is not None else []
    limits += [f"{guard['percent']:g} %"] if guard["percent"] is not None else []
    text = f"at most {' or '.join(limits)}" if limits else "no limit"
    return (
        f"{guard['kind']}s: {'closed' if guard['closed'] else 'open'}, {guard['held']} held;"
        f" {guard['removed']} of {guard['entries'] + guard['removed']} entries removed in"
        f" {guard['windowMinutes']} minutes ({text})"
    )


def _document(seen: Seen) -> dict[str, Any]:
    return {
        "kind": seen.kind.value,
        "id": seen.id,
        "statusTime": seen.status_time,
        "reason": seen.reason,
        "dn": None if seen.binding is None else seen.binding.dn,
    }


def _row(seen: Seen) -> tuple[str, ...]:
    dn = "-" if seen.binding is None else seen.binding.dn
    return (seen.kind.value, one_line(seen.id), moment(seen.status_time), seen.reason or "-", one_line(dn))
