"""Events of a producer that writes in transactions: their markers are no events, and nobody waits for them."""

from pathlib import Path

import orjson
from confluent_kafka import Producer

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.flow import Flow
from tests.support.identity_source import IdentitySource


def test_the_marker_at_the_end_of_a_transaction_is_stepped_over(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str
) -> None:
    """The last offset of each partition is one: the committed offsets come to the end all the same."""
    source = IdentitySource()
    source.add_organization("o", "Org")
    source.add_account("a0", "mei", "o")
    with Flow(tmp_path, kafka, slapd, topic_prefix) as flow:
        topics = flow.settings.topics
        flow.worker()
        producer = Producer(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "transactional.id": topic_prefix,
                "partitioner": "murmur2",
                "log_level": 0,  # it outlives the broker
            }
        )
        producer.init_transactions(30)
        producer.begin_transaction()
        for event in source.events:
            topic = topics.account_events if event.account else topics.organization_events
            producer.produce(topic, orjson.dumps(event.value), event.key.encode())
        producer.commit_transaction(30)
        flow.settle(source, seconds=45)
        (worker,) = flow.workers
        assert worker.metric("ldapflow_rereads_total", reason="stall") == 0
