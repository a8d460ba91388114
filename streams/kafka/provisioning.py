"""The seven topics as the contract wants them: made where they are missing, checked where they are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from confluent_kafka import KafkaError
from confluent_kafka.cimpl import NewTopic

from streams.kafka.cluster import Cluster, exists_already
from streams.settings import Settings

# Readers that are behind must still find what a compaction would take away (a zombie's late write among it).
_COMPACTED: Final = {"cleanup.policy": "compact", "min.compaction.lag.ms": "60000"}
# Kafka's own time of an event decides what a full push sweeps away; a producer's clock must not.
_INPUT: Final = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime"}
_PLAIN: Final = {"cleanup.policy": "delete"}


class Verdict(StrEnum):
    """What is to be said of a topic."""

    CREATED = "created"
    RIGHT = "right"
    ADVICE = "advice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic as it should be.

    Attributes:
        required: settings without which data would be lost.
        advised: settings that are better so.
    """

    name: str
    partitions: int
    required: Mapping[str, str]
    advised: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What was found or done about a topic, and what remains to be done."""

    name: str
    verdict: Verdict
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict.value}: {self.text}"


def plan_topics(settings: Settings) -> tuple[TopicPlan, ...]:
    """The topics of contract section 1, in its order."""
    topics, accounts = settings.topics, settings.kafka.account_partitions
    return (
        _plan(topics.organization_events, 1, _INPUT),
        _plan(topics.account_events, accounts, _INPUT),
        _plan(topics.organization_states, 1, _COMPACTED),
        _plan(topics.account_states, accounts, _COMPACTED),
        _plan(topics.dead_letters, 1, _PLAIN),
        _plan(topics.control, 1, _COMPACTED),
        _plan(topics.jobs, 1, _COMPACTED),
    )


def create_topics(settings: Settings) -> tuple[TopicReport, ...]:
    """Create what is missing and check what is there; nothing that exists is changed.

    Raises:
        ConfigurationError: librdkafka does not accept `kafka.client`.
        CommandFailed: Kafka does not answer, or refuses.
    """
    plans = {plan.name: plan for plan in plan_topics(settings)}
    with Cluster(settings) as cluster:
        reports = judge_existing(cluster, plans.values())
        possible = {}
        for name in plans.keys() - reports.keys():
            if _has_unequal_twin(name, reports, settings):
                text = "not created: both account topics need as many partitions; settle the other one first"
                reports[name] = TopicReport(name, Verdict.WRONG, text)
            else:
                possible[name] = plans[name]
        if possible:
            reports |= _create(cluster, possible, settings)
    return tuple(reports[name] for name in plans)


def judge_existing(cluster: Cluster, plans: Iterable[TopicPlan]) -> dict[str, TopicReport]:
    """Compare those topics that exist with their plans; the others are left out.

    Raises:
        CommandFailed: Kafka does not answer, or refuses.
    """
    counts = cluster.partition_counts()
    existing = [plan for plan in plans if plan.name in counts]
    found = cluster.topic_settings(plan.name for plan in existing)
    return {plan.name: judge(plan, counts[plan.name], found[plan.name]) for plan in existing}


def _has_unequal_twin(name: str, reports: Mapping[str, TopicReport], settings: Settings) -> bool:
    twins = {settings.topics.account_events, settings.topics.account_states}
    return name in twins and any(twin in reports and reports[twin].verdict is Verdict.WRONG for twin in twins)


def judge(plan: TopicPlan, partitions: int, found: Mapping[str, str]) -> TopicReport:
    """Compare a topic that exists with its plan."""
    if partitions != plan.partitions:
        remedy = (
            "make a new topic with that many and give its name in kafka.topics"
            if plan.partitions == 1
            else f"set kafka.account_partitions to {partitions} if there are no states yet, or make a new topic"
        )
        text = f"has {_count(partitions)}, not {plan.partitions}: {remedy}"
        return TopicReport(plan.name, Verdict.WRONG, text)
    for verdict, wanted in ((Verdict.WRONG, plan.required), (Verdict.ADVICE, plan.advised)):
        different = {key: value for key, value in wanted.items() if found.get(key) != value}
        if different:
            has = ", ".join(f"{key}={found.get(key)}" for key in different)
            set_to = ",".join(f"{key}={value}" for key, value in different.items())
            change = f"kafka-configs.sh --alter --entity-type topics --entity-name {plan.name} --add-config {set_to}"
            return TopicReport(plan.name, verdict, f"has {has}: {change}")
    return TopicReport(plan.name, Verdict.RIGHT, f"{_count(partitions)}, {found['cleanup.policy']}")


def _plan(name: str, partitions: int, wanted: Mapping[str, str]) -> TopicPlan:
    required = {key: value for key, value in wanted.items() if key == "cleanup.policy"}
    return TopicPlan(name, partitions, required, {key: value for key, value in wanted.items() if key not in required})


def _create(cluster: Cluster, plans: Mapping[str, TopicPlan], settings: Settings) -> dict[str, TopicReport]:
    copies = settings.kafka.replication_factor
    errors = cluster.create(
        NewTopic(plan.name, plan.partitions, copies, config={**plan.required, **plan.advised})
        for plan in plans.values()
    )
    reports = {}
    for name, error in errors.items():
        plan = plans[name]
        if error is None:
            text = f"{_count(plan.partitions)}, {plan.required['cleanup.policy']}, replication factor {copies}"
            reports[name] = TopicReport(name, Verdict.CREATED, text)
        elif exists_already(error):
            reports |= judge_existing(cluster, [plan])
        elif error.code() == KafkaError.INVALID_REPLICATION_FACTOR:
            brokers = cluster.broker_count()
            text = f"not created: kafka.replication_factor is {copies}, brokers are {brokers}: lower it or start more"
            reports[name] = TopicReport(name, Verdict.WRONG, text)
        else:
            reports[name] = TopicReport(name, Verdict.WRONG, f"not created: {error.str()}")
    return reports


def _count(partitions: int) -> str:
    return "1 partition" if partitions == 1 else f"{partitions} partitions"
