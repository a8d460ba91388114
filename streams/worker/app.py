"""`ldapflow worker`: the process around the worker."""

import asyncio
from contextlib import AsyncExitStack

from schemas.errors import CommandFailed, ConfigurationError
from streams.kafka import Cluster
from streams.services.stopping import stop_on_signals
from streams.settings import Settings
from streams.settings.directory import require_target
from streams.worker.assembly import Worker
from streams.worker.delivery.agents import wirings
from streams.worker.not_yet import refuse_what_is_missing


def run_worker(settings: Settings) -> int:
    """Run the Faust agents until SIGTERM or SIGINT.

    Returns:
        The exit code.

    Raises:
        ConfigurationError: the configuration or the topics do not fit.
        CommandFailed: Kafka does not answer at start.
    """
    refuse_what_is_missing(settings)
    require_target(settings)
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stopping = stop_on_signals()
    await asyncio.to_thread(check_topics, settings)
    worker = Worker(settings)
    async with AsyncExitStack() as stack:
        running = asyncio.create_task(worker.run(stack))
        stopped = asyncio.create_task(stopping.wait())
        broken = asyncio.create_task(worker.stopping.wait())
        await asyncio.wait({running, stopped, broken}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            worker.stopping.set()
            if not worker.serving:  # still waiting for something at start
                running.cancel()
        stopped.cancel()
        broken.cancel()
        try:
            problem = await running
        except asyncio.CancelledError:
            problem = worker.broken
    if problem is not None:
        raise failure_of(problem)
    return 0


def failure_of(problem: BaseException) -> CommandFailed:
    """Say in one line what broke a worker; what fails in the task of an event comes wrapped in a group."""
    leaves = [problem]
    for leaf in leaves:
        if isinstance(leaf, CommandFailed):
            return leaf
        if isinstance(leaf, BaseExceptionGroup):
            leaves += leaf.exceptions
    return CommandFailed(f"the worker broke off and must be started again: {problem!r}")


def check_topics(settings: Settings) -> None:
    """Make sure that the topics are there and have the partitions that the configuration says.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
        ConfigurationError: the number of partitions is another one.
    """
    with Cluster(settings) as cluster:
        counts = cluster.partition_counts()
    missing = [name for name in settings.topics.all if name not in counts]
    if missing:
        raise CommandFailed(f"Kafka has no topic {', '.join(missing)}: run `ldapflow topics create`")
    problems = [
        f"topic {topic} has {counts[topic]} partitions, the configuration wants {wiring.partitions}:"
        " the number is fixed once there are states; correct kafka.account_partitions"
        for wiring in wirings(settings)
        for topic in (wiring.input_topic, wiring.state_topic)
        if counts[topic] != wiring.partitions
    ]
    if problems:
        raise ConfigurationError(*problems)
