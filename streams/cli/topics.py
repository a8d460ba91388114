"""`ldapflow topics`: the seven topics in Kafka."""

import typer

from schemas.errors import CommandFailed
from streams.cli.invocation import invocation_of
from streams.kafka import Verdict, create_topics
from streams.topic_identity import record_topic_ids


def register(app: typer.Typer) -> None:
    """Add the group to the program."""
    group = typer.Typer(no_args_is_help=True, help="The topics in Kafka.", rich_markup_mode=None)
    group.command("create")(create)
    app.add_typer(group, name="topics")


def create(context: typer.Context) -> None:
    """Create the topics that are missing, and check the settings of those that are there."""
    settings = invocation_of(context).settings()
    reports = create_topics(settings)
    for report in (*reports, *record_topic_ids(settings)):
        typer.echo(str(report))
    wrong = [report.name for report in reports if report.verdict is Verdict.WRONG]
    if wrong:
        raise CommandFailed(f"{', '.join(wrong)}: not as needed: do what is said above")
