"""Events of a producer that writes in transactions: what was taken back is no event, and markers are none either."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from confluent_kafka import Producer

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.support.flow import Flow
from tests.support.identity_source import Emitted, IdentitySource


class Transactions:
    """Writes events to the topics of an installation."""

    def __init__(self, flow: Flow) -> None:
        self._topics = flow.settings.topics
        self._producer = Producer(
            {
                "bootstrap.servers": flow.kafka.bootstrap_servers,
                "transactional.id": flow.name,
                "partitioner": "murmur2",
                "log_level": 0,  # it outlives the broker
            }
        )
        self._producer.init_transactions(30)

    @contextmanager
    def writing(self, *events: Emitted) -> Iterator[Producer]:
        """Write events; how the transaction ends is the caller's affair."""
        self._producer.begin_transaction()
        for event in events:
            topic = self._topics.account_events if event.account else self._topics.organization_events
            self._producer.produce(topic, orjson.dumps(event.value), event.key.encode())
        self._producer.flush(30)
        yield self._producer


def test_only_what_was_committed_counts_and_the_marker_at_the_end_is_stepped_over(
    tmp_path: Path, kafka: Kafka, fresh_slapd: Callable[..., Slapd], topic_prefix: str
) -> None:
    """The last offset of each partition is a marker: the committed offsets come to the end all the same."""
    ghosts, source = IdentitySource(), IdentitySource()
    ghosts.add_organization("ghosts", "Taken Back")
    for number in range(20):
        ghosts.add_account(f"g{number}", f"ghost{number}", "ghosts")
    source.add_organization("o", "Org")
    source.add_account("a0", "mei", "o")
    with Flow(tmp_path, kafka, fresh_slapd(), topic_prefix) as flow:
        transactions = Transactions(flow)
        worker = flow.worker()
        with transactions.writing(*ghosts.events) as producer:
            producer.abort_transaction(30)
        with transactions.writing(*source.events) as producer:
            producer.commit_transaction(30)
        flow.settle(source, seconds=30)
        assert worker.metric("ldapflow_rereads_total", reason="stall") == 0
        assert '"level":"error"' not in worker.log.read_text()
