"""What is said of topics."""

from streams.checking.kafka_checks import topic_findings
from streams.kafka.provisioning import TopicReport, Verdict
from streams.settings import Settings

SETTINGS = Settings.model_validate(
    {
        "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "unused"},
        "sync": {"target_dn": "ou=company"},
    }
)
RIGHT = {name: TopicReport(name, Verdict.RIGHT, "1 partition, delete") for name in SETTINGS.topics.all}


def told(reports: dict[str, TopicReport]) -> list[str]:
    """What is found, each with its mark."""
    return [
        f"{finding.verdict.value} {finding.text}: {finding.remedy}" for finding in topic_findings(SETTINGS, reports)
    ]


def test_topics_as_they_should_be_are_one_line() -> None:
    """Seven would hide what matters."""
    assert told(RIGHT) == ["✓ all 7 are there and as they should be, accounts with 12 partitions: None"]


def test_missing_topics_are_one_line_with_their_remedy() -> None:
    """One command makes them all."""
    left = {name: report for name, report in RIGHT.items() if name.startswith("idaas")}
    [line] = told(left)
    assert line == (
        "✗ Kafka has no ldapflow.organizations, ldapflow.accounts, ldapflow.dead-letters, ldapflow.control,"
        " ldapflow.jobs: run `ldapflow topics create`"
    )


def test_wrong_topics_are_faults_and_better_settings_advice() -> None:
    """Each with what `topics create` says of it."""
    wrong = TopicReport("idaas.accounts", Verdict.WRONG, "has 6 partitions, not 12: make a new topic")
    better = TopicReport("ldapflow.jobs", Verdict.ADVICE, "has a=b: kafka-configs.sh --add-config a=c")
    assert told({**RIGHT, wrong.name: wrong, better.name: better}) == [
        "✗ idaas.accounts has 6 partitions, not 12: make a new topic",
        "! ldapflow.jobs has a=b: kafka-configs.sh --add-config a=c",
    ]
