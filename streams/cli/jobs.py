"""`ldapflow jobs`: verifications and full pushes, and when the next verification is due."""

from collections.abc import Iterator
from datetime import datetime
from time import time
from typing import Annotated, Any, Final

import orjson
import typer

from schemas.errors import CommandFailed
from schemas.jobs import FullPush, Job, JobState, Verification
from schemas.jobs_codec import encode_job
from streams.cli.drift import corrected, drifted, echo_verification
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, echo_table, moment, one_line
from streams.job_log import JobView, began, read_jobs
from streams.settings import Settings
from streams.verifier.running import running_job
from streams.verifier.schedule import local_zone, next_run

_ABANDONED: Final = "abandoned"

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(jobs)


def jobs(
    context: typer.Context,
    identifier: Annotated[str | None, typer.Argument(metavar="ID", help="Only this one, in full.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """List verifications and full pushes, the newest last, or show one of them with its drift report."""
    settings = invocation_of(context).settings()
    view = read_jobs(settings)
    alive = running_job(settings, view) if view.unended else None
    if identifier is not None:
        job = view.get(identifier)
        if job is None:
            raise CommandFailed(f"no job {one_line(identifier)}: see `ldapflow jobs`")
        _show(job, alive, as_json=as_json)
    elif as_json:
        echo_json({"nextVerification": _next(settings), "jobs": [_document(job, alive) for job in view.all]})
    else:
        _list(view, alive)
        due = _next(settings)
        typer.echo("no verification is scheduled" if due is None else f"next verification, if a verifier runs: {due}")


def _list(view: JobView, alive: Verification | None) -> None:
    if not view.all:
        typer.echo("no jobs yet")
        return
    heading = ("ID", "JOB", "BEGAN", "STATE", "DETAIL")
    echo_table([heading, *(_row(job, alive) for job in view.all)])


def _show(job: Job, alive: Verification | None, *, as_json: bool) -> None:
    if as_json:
        echo_json(_document(job, alive))
        return
    heading = ("ID", "JOB", "BEGAN", "STATE", "DETAIL")
    echo_table([heading, _row(job, alive)])
    if isinstance(job, Verification):
        typer.echo("")
        echo_verification(job)


def _row(job: Job, alive: Verification | None) -> tuple[str, ...]:
    started = moment(began(job)) if began(job) else "-"
    match job:
        case Verification():
            name = f"verification ({job.trigger}{', dry run' if job.dry_run else ''}{', rebind' if job.rebind else ''})"
            state = _state(job, alive)
            return (one_line(job.id), name, started, state, one_line("; ".join(_words(job, state)) or "-"))
        case FullPush():
            counts = f"{job.organizations} organizations, {job.accounts} accounts"
            return (one_line(job.id), "full push", started, "begun" if job.ended is None else "ended", counts)


def _state(job: Verification, alive: Verification | None) -> str:
    """Its state; one that has no end and does not run was killed."""
    if job.state is not JobState.RUNNING or (alive is not None and alive.id == job.id):
        return job.state.value
    return _ABANDONED


def _words(job: Verification, state: str) -> Iterator[str]:
    if state == _ABANDONED:
        yield "its process is gone; the next verification goes on"
    if job.report is not None:
        yield f"{drifted(job.report)} differed" if drifted(job.report) else "nothing differed"
    if corrected(job):
        yield f"corrected: {corrected(job)}"
    if job.uncorrected:
        yield f"not corrected: {job.uncorrected}"
    if job.detail is not None:
        yield job.detail


def _document(job: Job, alive: Verification | None) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(encode_job(job))
    if isinstance(job, Verification):
        document["state"] = _state(job, alive)
    return document


def _next(settings: Settings) -> str | None:
    due = next_run(settings.sync.verification, datetime.fromtimestamp(time(), local_zone()))
    return None if due is None else due.isoformat()
