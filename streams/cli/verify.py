"""`ldapflow verify` and `ldapflow push`: one verification now."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Annotated, Any, Final

import orjson
import typer

from schemas.errors import CommandFailed
from schemas.jobs import JobState, Trigger, Verification
from schemas.jobs_codec import encode_job
from streams.cli.drift import echo_verification
from streams.cli.invocation import invocation_of
from streams.cli.output import echo_json, moment, one_line
from streams.cli.progress import Steps
from streams.settings.directory import require_target
from streams.verifier.pushing import Push
from streams.verifier.run import Request
from streams.verifier.running import AlreadyRunning, new_job_id, run_alone

_FAILED: Final = 1
_NO: Final = 3
_TOLD_TO_END: Final = (
    "it was told to end: what it asked of the workers stays valid; the next verification does the rest"
)

AsJson = Annotated[bool, typer.Option("--json", help="The job record, with the drift report, as JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command()(verify)
    app.command()(push)


def verify(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only report what differs; 3 if anything does.")] = False,
    approve: Annotated[
        bool, typer.Option("--approve", help="Let the deletions that the report lists happen, however many.")
    ] = False,
    rebind: Annotated[
        bool, typer.Option("--rebind", help="The target is another entry now: adopt what is there, delete nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the whole directory with the whole snapshot, and have the workers correct what differs."""
    settings = invocation_of(context).settings()
    require_target(settings)
    request = Request(new_job_id(), Trigger.VERIFY, dry_run=dry_run, approve=approve, rebind=rebind)
    with Steps() as steps:
        try:
            job = _finished(run_alone(settings, request, steps))
        except AlreadyRunning as exc:
            raise CommandFailed(_who(exc.job)) from exc
    _conclude(job, as_json=as_json)


def push(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Make the directory equal to the snapshot now: by a running verifier, or here if none answers."""
    settings = invocation_of(context).settings()
    require_target(settings)
    with Steps() as steps:
        job = _finished(Push(settings, steps, lambda line: typer.echo(line, err=True)).run())
    _conclude(job, as_json=as_json)


def _finished(work: Coroutine[Any, Any, Verification]) -> Verification:
    """Wait for a verification; SIGTERM ends it in good order, as Ctrl-C does."""

    async def wait() -> Verification:
        running = asyncio.create_task(work)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        return await running

    try:
        return asyncio.run(wait())
    except asyncio.CancelledError:
        raise CommandFailed(_TOLD_TO_END) from None
    except KeyboardInterrupt:
        typer.echo(_TOLD_TO_END, err=True)
        raise


def _conclude(job: Verification, *, as_json: bool) -> None:
    if as_json:
        echo_json(orjson.loads(encode_job(job)))
    else:
        echo_verification(job)
    problem = _problem(job)
    if problem is not None:
        typer.echo(problem, err=True)
    code = _exit_code(job)
    if code:
        raise typer.Exit(code)


def _problem(job: Verification) -> str | None:
    """What is not as it should be with the verification itself, in one line."""
    if job.state is not JobState.DONE:
        return one_line(f"verification {job.id} is {job.state}: {job.detail or 'see the log of its process'}")
    if job.detail is not None:
        return one_line(job.detail)
    count = job.uncorrected
    return f"{count} could not be corrected: see `ldapflow jobs {job.id}`" if count else None


def _exit_code(job: Verification) -> int:
    match job.state:
        case JobState.DONE if job.dry_run:
            doubted = job.detail is not None  # a verification that corrects would refuse
            return _NO if doubted or (job.report is not None and job.report.has_drift) else 0
        case JobState.DONE:
            return _FAILED if job.uncorrected else 0
        case JobState.STOPPED:
            return _NO
        case _:
            return _FAILED


def _who(job: Verification | None) -> str:
    if job is None:
        return "another verification begins at this moment: try again when it has ended, see `ldapflow jobs`"
    return (
        f"verification {job.id} ({job.trigger}) runs since {moment(job.started)}:"
        f" try again when it has ended, see `ldapflow jobs {job.id}`"
    )
