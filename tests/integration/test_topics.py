"""`ldapflow topics create` on a real broker."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from schemas.errors import CommandFailed
from streams.kafka import Cluster, TopicReport, Verdict, create_topics
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import wait_until
from streams.settings import Settings
from tests.support.program import ldapflow, lines, write_configuration

NAMES = [
    "idaas.organizations", "idaas.accounts", "ldapflow.organizations", "ldapflow.accounts",
    "ldapflow.dead-letters", "ldapflow.control", "ldapflow.jobs",
]  # fmt: skip


def topics_of(prefix: str) -> dict[str, str]:
    return {name: f"{prefix}.{name}" for name in NAMES}


def settings_for(kafka: Kafka, prefix: str, **changes: object) -> Settings:
    return Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": kafka.bootstrap_servers, "topics": topics_of(prefix), **changes},
            "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "unused"},
            "sync": {"target_dn": "ou=company"},
        }
    )


def make(settings: Settings, name: str, partitions: int, **config: str) -> None:
    with Cluster(settings) as cluster:
        assert cluster.create([NewTopic(name, partitions, 1, config=config)]) == {name: None}


def verdicts(reports: tuple[TopicReport, ...]) -> list[str]:
    return [report.verdict.value for report in reports]


def test_missing_topics_are_created_as_the_contract_says(kafka: Kafka, topic_prefix: str) -> None:
    settings = settings_for(kafka, topic_prefix)
    assert verdicts(create_topics(settings)) == ["created"] * 7
    with Cluster(settings) as cluster:
        counts, found = cluster.partition_counts(), cluster.topic_settings(settings.topics.all)
    assert [counts[name] for name in settings.topics.all] == [1, 12, 1, 12, 1, 1, 1]
    assert [found[name]["cleanup.policy"] for name in settings.topics.all] == [
        "delete", "delete", "compact", "compact", "delete", "compact", "compact",
    ]  # fmt: skip
    assert found[settings.topics.account_events]["message.timestamp.type"] == "LogAppendTime"
    assert found[settings.topics.account_states]["min.compaction.lag.ms"] == "60000"


def test_a_second_run_finds_everything_right(kafka: Kafka, topic_prefix: str) -> None:
    settings = settings_for(kafka, topic_prefix)
    create_topics(settings)
    assert verdicts(create_topics(settings)) == ["right"] * 7


def test_what_exists_is_judged_and_not_changed(kafka: Kafka, topic_prefix: str) -> None:
    settings = settings_for(kafka, topic_prefix)
    make(settings, settings.topics.organization_states, 1, **{"cleanup.policy": "delete"})
    reports = {report.name: report for report in create_topics(settings)}
    assert reports[settings.topics.organization_states].verdict is Verdict.WRONG
    with Cluster(settings) as cluster:
        found = cluster.topic_settings([settings.topics.organization_states])
    assert found[settings.topics.organization_states]["cleanup.policy"] == "delete"


def test_account_topics_are_not_made_with_unequal_partitions(kafka: Kafka, topic_prefix: str) -> None:
    """States in another number of partitions than their events would be of no use, and could not be changed."""
    settings = settings_for(kafka, topic_prefix)
    make(settings, settings.topics.account_events, 3)
    assert verdicts(create_topics(settings)) == [
        "created",
        "wrong",
        "created",
        "wrong",
        "created",
        "created",
        "created",
    ]
    with Cluster(settings) as cluster:
        assert settings.topics.account_states not in cluster.partition_counts()


def test_too_many_replicas_are_told_with_their_remedy(kafka: Kafka, topic_prefix: str) -> None:
    reports = create_topics(settings_for(kafka, topic_prefix, replication_factor=3))
    assert all("kafka.replication_factor is 3, brokers are 1: lower it" in report.text for report in reports)


def test_a_topic_made_anew_has_another_id(kafka: Kafka, topic_prefix: str) -> None:
    settings = settings_for(kafka, topic_prefix)
    name = settings.topics.jobs
    make(settings, name, 1)
    with Cluster(settings) as cluster:
        before = cluster.topic_ids([name, f"{topic_prefix}.none"])
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        admin.delete_topics([name])[name].result(10)
        wait_until(lambda: name not in cluster.partition_counts(), "the deletion")
        make(settings, name, 1)
        after = cluster.topic_ids([name])
    assert before.keys() == after.keys() == {name}
    assert before[name] != after[name]


def test_the_ends_of_a_topic_that_does_not_exist_are_a_failure(kafka: Kafka, topic_prefix: str) -> None:
    with Cluster(settings_for(kafka, topic_prefix)) as cluster, pytest.raises(CommandFailed, match="topics create"):
        cluster.end_offsets([f"{topic_prefix}.none"])


def test_the_command_prints_a_line_for_each_topic_and_fails_when_one_is_wrong(
    kafka: Kafka, topic_prefix: str, tmp_path: Path
) -> None:
    write_configuration(
        tmp_path, kafka={"bootstrap_servers": kafka.bootstrap_servers, "topics": topics_of(topic_prefix)}
    )
    made = ldapflow("topics", "create", folder=tmp_path)
    assert (made.returncode, made.stderr, len(lines(made.stdout))) == (0, "", 7)
    write_configuration(
        tmp_path,
        kafka={
            "bootstrap_servers": kafka.bootstrap_servers,
            "topics": topics_of(topic_prefix),
            "account_partitions": 6,
        },
    )
    checked = ldapflow("topics", "create", folder=tmp_path)
    (line,) = lines(checked.stderr)
    assert checked.returncode == 1
    assert line.endswith("not as needed: do what is said above")
    assert "has 12 partitions, not 6: set kafka.account_partitions to 12" in checked.stdout
