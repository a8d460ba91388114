"""All checks in their order, and what each of them needs."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from pathlib import Path

from streams.checking.directory_checks import DirectoryChecks, Progress
from streams.checking.findings import Line
from streams.checking.kafka_checks import check_kafka, check_topics
from streams.checking.process_checks import check_authentication, check_configuration, check_listening
from streams.checking.running import Check, run_checks
from streams.settings import DisabledAccounts, Settings


async def check_everything(path: Path, settings: Settings, progress: Progress) -> AsyncGenerator[Line, None]:
    """Look at everything that a run needs; nothing is written but probe entries, which are gone afterwards.

    Args:
        path: of the configuration.
        settings: what it says.
        progress: shows how far a long reading has come.

    Yields:
        Each line as soon as it is known. Close the iterator (`contextlib.aclosing`) when leaving it early.
    """
    async with DirectoryChecks(settings, progress) as directory:
        checks = _plan(path, settings, directory)
        async with aclosing(run_checks(checks)) as lines:
            async for line in lines:
                yield line


def _plan(path: Path, settings: Settings, directory: DirectoryChecks) -> list[Check]:
    checks = [
        Check("configuration", partial(check_configuration, path, settings)),
        Check("metrics", partial(check_listening, settings)),
        Check("auth", partial(check_authentication, settings)),
        Check("kafka", partial(check_kafka, settings)),
        Check("topics", partial(check_topics, settings), needs=("kafka",)),
        Check("connection", directory.connection),
        Check("bind", directory.bind, needs=("connection",)),
        Check("target", directory.target, needs=("bind",)),
        Check("write", directory.write, needs=("target",)),
        Check("lock", directory.lock, needs=("write",)),
        Check("passwords", directory.passwords, needs=("write",)),
        Check("schema", directory.schema, needs=("bind",)),
        Check("entries", directory.entries, needs=("target",)),
        Check("indexes", directory.indexes, needs=("bind",)),
    ]
    unasked = {
        "auth": not settings.authentication.enabled,
        "lock": settings.sync.disabled_accounts is not DisabledAccounts.LOCK,
        "passwords": not settings.sync.passwords,
    }
    return [check for check in checks if not unasked.get(check.name, False)]
