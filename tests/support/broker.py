"""What an administrator of Kafka does to topics behind everybody's back."""

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from streams.kafka import Cluster
from streams.sandbox.processes import wait_until
from streams.settings import Settings


def make_anew(settings: Settings, *names: str) -> None:
    """Delete topics and create them again with as many partitions and the same settings that matter."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": 0})
    with Cluster(settings) as cluster:
        counts, found = cluster.partition_counts(), cluster.topic_settings(names)
        for future in admin.delete_topics(list(names)).values():
            future.result(10)
        wait_until(lambda: not set(names) & cluster.partition_counts().keys(), "the deletion")
        wanted = ("cleanup.policy", "message.timestamp.type")
        errors = cluster.create(
            NewTopic(name, counts[name], 1, config={key: found[name][key] for key in wanted}) for name in names
        )
    if any(errors.values()):
        raise AssertionError(errors)


def delete_records(settings: Settings, topic: str, before: dict[int, int]) -> None:
    """Delete what lies before an offset of each partition, as retention does."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": 0})
    places = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    for future in admin.delete_records(places).values():
        future.result(10)


def set_committed(settings: Settings, topic: str, offset: int) -> None:
    """Set the offset of the workers' group in partition 0 of a topic, while no worker runs."""
    admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, "log_level": 0})
    wanted = ConsumerGroupTopicPartitions(settings.kafka.application_id, [TopicPartition(topic, 0, offset)])
    for future in admin.alter_consumer_group_offsets([wanted]).values():
        for place in future.result(10).topic_partitions:
            if place.error is not None:
                raise AssertionError(place.error)
