"""`ldapflow fingerprint`: which certificate the server shows, and whether it is trusted."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from ldap_sink.session import open_encrypted, read_certificate
from ldap_sink.trust import CertificateFacts, certificate_facts, fingerprint
from schemas.errors import CommandFailed, ConfigurationError, Halting, Retryable
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, moment, one_line
from streams.settings import Settings
from streams.settings.directory import directory_settings
from streams.settings.editing import append_item, replace_file

_SECTION: Final = "connection"
_KEY: Final = "certificate_fingerprints"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("fingerprint")(show_fingerprint)


def show_fingerprint(
    context: typer.Context,
    *,
    pin: Annotated[
        bool, typer.Option("--pin", help="Add it to connection.certificate_fingerprints: then only these count.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the certificate of the LDAP server, its SHA-256, and whether it is trusted. Nobody logs on."""
    invocation = invocation_of(context)
    settings = invocation.settings()
    facts, distrust = asyncio.run(_look(settings))
    if as_json:
        echo_json(_document(settings, facts, distrust))
    else:
        for label, text in _lines(settings, facts, distrust):
            typer.echo(f"{label:<9}{one_line(text)}")
    if pin:
        typer.echo(_pin(invocation.config, settings, facts.fingerprint), err=as_json)


async def _look(settings: Settings) -> tuple[CertificateFacts, str | None]:
    """The certificate, and why it is not trusted."""
    server, directory = settings.connection.server, directory_settings(settings)
    try:
        certificate = await read_certificate(directory)
        if certificate is None:
            raise ConfigurationError(
                f"connection.server {server} is not encrypted, so there is no certificate: set connection.start_tls, or"
                " use ldaps://"
            )
        try:
            connection = await open_encrypted(directory)
        except Halting as exc:
            distrust: str | None = exc.detail
        else:
            distrust = None
            await connection.close()
    except Retryable as exc:
        raise CommandFailed(
            f"LDAP at {server} does not answer: start it, or correct connection.server ({exc})"
        ) from exc
    except Halting as exc:
        raise CommandFailed(f"LDAP at {server}: {exc}") from exc
    try:
        return certificate_facts(certificate), distrust
    except ValueError as exc:
        raise CommandFailed(
            f"LDAP at {server} has a certificate that cannot be read ({one_line(str(exc))}): have it replaced; its"
            f" fingerprint is {fingerprint(certificate)}"
        ) from exc


def _lines(settings: Settings, facts: CertificateFacts, distrust: str | None) -> list[tuple[str, str]]:
    connection = settings.connection
    if distrust is not None:
        trusted = f"no: {distrust}"
    elif connection.certificate_fingerprints:
        trusted = "yes, it is pinned"
    else:
        trusted = "yes, by the system's authorities" if connection.ca_file is None else f"yes, by {connection.ca_file}"
    return [
        ("server", str(connection.server)),
        ("subject", facts.subject),
        ("issuer", facts.issuer),
        ("names", ", ".join(facts.names) or "none"),
        ("valid", f"from {_moment(facts.valid_from)} until {_moment(facts.valid_until)}"),
        ("SHA-256", facts.fingerprint),
        ("trusted", trusted),
    ]


def _document(settings: Settings, facts: CertificateFacts, distrust: str | None) -> dict[str, object]:
    return {
        "server": str(settings.connection.server),
        "subject": facts.subject,
        "issuer": facts.issuer,
        "names": facts.names,
        "validFrom": _moment(facts.valid_from),
        "validUntil": _moment(facts.valid_until),
        "fingerprint": facts.fingerprint,
        "pinned": facts.fingerprint in settings.connection.certificate_fingerprints,
        "distrust": distrust,
    }


def _pin(path: Path, settings: Settings, found: str) -> str:
    """Write it into the configuration; returns what is to be said of it."""
    before = settings.connection.certificate_fingerprints
    if found in before:
        return f"{path} has it already"
    try:
        text = path.read_bytes().decode("utf-8-sig")
        replace_file(path, append_item(text, _SECTION, _KEY, found, after="server"))
    except OSError as exc:
        raise CommandFailed(
            f"{path} cannot be written ({exc.strerror}): add {found} to {_KEY} in its section {_SECTION}"
        ) from exc
    told = f"recorded in {path}: compare it with what the server's administrator says, and restart what is running"
    if before:
        told += f"; the older ones count too: remove {', '.join(before)} once the server does not show them any more"
    return told


def _moment(time: datetime) -> str:
    return moment(round(time.timestamp() * 1000))
