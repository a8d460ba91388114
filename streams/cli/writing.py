"""`ldapflow pause` and `ldapflow resume`: stop and restart all writing to LDAP."""

import asyncio

import typer

from schemas.control import Decision, Pause, Resume
from streams.cli.invocation import invocation_of
from streams.control import decide, view_of
from streams.kafka import Publisher, read_to_end
from streams.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(pause)
    app.command()(resume)


def pause(context: typer.Context) -> None:
    """Stop all writing to LDAP within seconds, in every worker, also in those that start later; events wait."""
    settings = invocation_of(context).settings()
    if _is_paused(settings):
        typer.echo("writing is paused already: `ldapflow resume` goes on")
        return
    asyncio.run(_decide(settings, Pause()))
    typer.echo("writing is paused: `ldapflow resume` goes on")


def resume(context: typer.Context) -> None:
    """Go on with writing to LDAP: ends a pause, and the brake that twenty refusals in a row have pulled."""
    settings = invocation_of(context).settings()
    was_paused = _is_paused(settings)
    asyncio.run(_decide(settings, Resume()))
    typer.echo("writing goes on" if was_paused else "writing was not paused; a brake, if there is one, is released")


def _is_paused(settings: Settings) -> bool:
    return view_of(read_to_end(settings, [settings.topics.control])).paused


async def _decide(settings: Settings, decision: Decision) -> None:
    async with Publisher(settings) as publisher:
        await decide(publisher, settings, decision)
