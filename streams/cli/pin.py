"""`ldapflow pin`: which entry the target node is."""

import asyncio
from typing import Final

import typer

from ldap_sink.session import read_entry_uuid
from schemas.errors import CommandFailed, Halting, Retryable
from streams.cli.invocation import invocation_of
from streams.settings import Settings
from streams.settings.directory import directory_settings
from streams.settings.editing import replace_file, set_scalar

_SECTION: Final = "sync"
_KEY: Final = "target_entry_uuid"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(pin)


def pin(context: typer.Context) -> None:
    """Record the target node's entryUUID in the configuration: nothing is written to LDAP while it is another."""
    invocation = invocation_of(context)
    settings = invocation.settings()
    target, before = settings.sync.target_dn, settings.sync.target_entry_uuid
    found = asyncio.run(_entry_uuid(settings))
    if before == found:
        typer.echo(f"{target} has the entryUUID {found}, as {invocation.config} says")
        return
    path = invocation.config
    try:
        text = path.read_bytes().decode("utf-8-sig")
        replace_file(path, set_scalar(text, _SECTION, _KEY, found, after="target_dn"))
    except OSError as exc:
        raise CommandFailed(
            f"{path} cannot be written ({exc.strerror}): write `{_KEY}: {found}` into its section {_SECTION}"
        ) from exc
    was = "" if before is None else f" (it was {before})"
    typer.echo(f"{target} has the entryUUID {found}: recorded in {path}{was}")


async def _entry_uuid(settings: Settings) -> str:
    server, target = settings.connection.server, settings.sync.target_dn
    try:
        found = await read_entry_uuid(directory_settings(settings), target)
    except Retryable as exc:
        raise CommandFailed(
            f"LDAP at {server} does not answer: start it, or correct connection.server ({exc})"
        ) from exc
    except Halting as exc:
        raise CommandFailed(f"LDAP at {server}: {exc}") from exc
    if found is None:
        raise CommandFailed(f"LDAP at {server} has no {target}: create it, or correct sync.target_dn")
    return found.lower()
