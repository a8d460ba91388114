"""What is said of a topic that exists."""

import pytest

from streams.kafka.provisioning import TopicPlan, Verdict, judge

STATES = TopicPlan("ldapflow.accounts", 12, {"cleanup.policy": "compact"}, {"min.compaction.lag.ms": "60000"})
AS_PLANNED = {"cleanup.policy": "compact", "min.compaction.lag.ms": "60000"}


def test_a_topic_as_planned_is_right() -> None:
    assert str(judge(STATES, 12, AS_PLANNED)) == "ldapflow.accounts: right: 12 partitions, compact"


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_states_that_would_be_deleted_are_wrong(policy: str) -> None:
    report = judge(STATES, 12, {**AS_PLANNED, "cleanup.policy": policy})
    assert report.verdict is Verdict.WRONG
    assert report.text.endswith("--entity-name ldapflow.accounts --add-config cleanup.policy=compact")


def test_another_number_of_partitions_is_wrong() -> None:
    report = judge(STATES, 6, AS_PLANNED)
    assert report.verdict is Verdict.WRONG
    assert "has 6 partitions, not 12" in report.text


def test_what_is_only_better_otherwise_is_advice() -> None:
    report = judge(STATES, 12, {**AS_PLANNED, "min.compaction.lag.ms": "0"})
    assert report.verdict is Verdict.ADVICE
