"""Kafka beside Faust: producers, topics and offsets (confluent-kafka)."""

from streams.kafka.client import client_config, failure_of
from streams.kafka.cluster import Cluster
from streams.kafka.provisioning import TopicReport, Verdict, create_topics
from streams.kafka.publisher import Message, Publisher, publish_all
from streams.kafka.reading import MessageReader, TopicReader, read_to_end
from streams.kafka.received import Received
from streams.kafka.tail import TopicTail

__all__ = [
    "Cluster",
    "Message",
    "MessageReader",
    "Publisher",
    "Received",
    "TopicReader",
    "TopicReport",
    "TopicTail",
    "Verdict",
    "client_config",
    "create_topics",
    "failure_of",
    "publish_all",
    "read_to_end",
]
