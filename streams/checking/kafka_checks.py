"""Kafka: whether it answers, and its topics."""

import asyncio
from collections.abc import Iterator, Mapping

from streams.checking.findings import Finding, advice, fault, fine
from streams.checking.running import Findings
from streams.kafka.cluster import Cluster
from streams.kafka.provisioning import TopicReport, judge_existing, plan_topics
from streams.kafka.provisioning import Verdict as TopicVerdict
from streams.settings import Settings


async def check_kafka(settings: Settings) -> Findings:
    """Whether Kafka answers, and lets us in."""
    brokers = await asyncio.to_thread(_broker_count, settings)
    yield fine(f"{settings.kafka.bootstrap_servers} answers, {brokers} broker{'s' * (brokers != 1)}")


async def check_topics(settings: Settings) -> Findings:
    """Whether the seven topics are there and as they should be."""
    for finding in topic_findings(settings, await asyncio.to_thread(_reports, settings)):
        yield finding


def topic_findings(settings: Settings, reports: Mapping[str, TopicReport]) -> Iterator[Finding]:
    """What is to be said of the topics.

    Args:
        settings: name the topics.
        reports: of those that exist, by their names.
    """
    missing = [name for name in settings.topics.all if name not in reports]
    if missing:
        yield fault(f"Kafka has no {', '.join(missing)}", "run `ldapflow topics create`")
    wrong = [report for report in reports.values() if report.verdict is not TopicVerdict.RIGHT]
    for report in wrong:
        verdict = fault if report.verdict is TopicVerdict.WRONG else advice
        found, _, remedy = report.text.partition(": ")
        yield verdict(f"{report.name} {found}", remedy)
    if not missing and not wrong:
        partitions = settings.kafka.account_partitions
        yield fine(f"all {len(reports)} are there and as they should be, accounts with {partitions} partitions")


def _broker_count(settings: Settings) -> int:
    with Cluster(settings) as cluster:
        return cluster.broker_count()


def _reports(settings: Settings) -> Mapping[str, TopicReport]:
    with Cluster(settings) as cluster:
        return judge_existing(cluster, plan_topics(settings))
