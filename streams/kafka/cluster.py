"""What Kafka has: topics, their ids and settings, the ends of their partitions."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Self, TypeAlias, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented there, but not marked as exported
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from schemas.errors import CommandFailed
from streams.kafka.client import ErrorMemory, client_config, failure_of
from streams.settings import Settings

Partition: TypeAlias = tuple[str, int]
T = TypeVar("T")

_TIMEOUT_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_LEADERLESS: Final = {KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE}


def exists_already(error: KafkaError) -> bool:
    """Whether a topic was not created because somebody else was faster."""
    return error.code() == KafkaError.TOPIC_ALREADY_EXISTS


class Cluster:
    """One connection to Kafka for questions; keep it as long as there are some. Its methods block for up to 5 s.

    Raises:
        ConfigurationError: librdkafka does not accept `kafka.client`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors = ErrorMemory()
        try:
            config: dict[str, Any] = {**client_config(settings), "error_cb": self._errors}
            self._admin = AdminClient(config)
        except KafkaException as exc:
            raise failure_of(exc, settings) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._admin.poll(0)

    def partition_counts(self) -> Mapping[str, int]:
        """The number of partitions of every topic that exists.

        Raises:
            CommandFailed: Kafka does not answer, or refuses.
        """
        metadata = self._ask(lambda: self._admin.list_topics(timeout=_TIMEOUT_SECONDS))
        return {name: len(topic.partitions) for name, topic in metadata.topics.items() if topic.error is None}

    def broker_count(self) -> int:
        """How many brokers there are.

        Raises:
            CommandFailed: Kafka does not answer, or refuses.
        """
        return len(self._ask(lambda: self._admin.list_topics(timeout=_TIMEOUT_SECONDS)).brokers)

    def has_members(self, group: str) -> bool:
        """Whether anybody is in a consumer group; a member that was killed counts until its session is over.

        Raises:
            CommandFailed: Kafka does not answer, or refuses.
        """
        futures = self._ask(lambda: self._admin.describe_consumer_groups([group], request_timeout=_TIMEOUT_SECONDS))
        return bool(self._ask(futures[group].result).members)

    def topic_ids(self, topics: Iterable[str]) -> Mapping[str, str]:
        """The id that Kafka gave each topic; a topic that is made anew has another one. Missing topics are left out.

        Raises:
            CommandFailed: Kafka does not answer, or refuses.
        """
        names = list(topics)
        futures = self._ask(
            lambda: self._admin.describe_topics(TopicCollection(names), request_timeout=_TIMEOUT_SECONDS)
        )
        ids = {}
        for name, future in futures.items():
            try:
                ids[name] = str(future.result().topic_id)
            except KafkaException as exc:
                if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise failure_of(self._errors.explain(exc), self._settings) from exc
        return ids

    def end_offsets(self, topics: Iterable[str]) -> Mapping[Partition, int]:
        """The offset that the next message of each partition will get.

        Raises:
            CommandFailed: Kafka does not answer or refuses, or a topic does not exist.
        """
        counts = self.partition_counts()
        names = list(topics)
        missing = [name for name in names if name not in counts]
        if missing:
            raise CommandFailed(f"Kafka has no topic {', '.join(missing)}: run `ldapflow topics create`")
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the library gives it no types
        wanted = {TopicPartition(name, number): latest for name in names for number in range(counts[name])}
        deadline = time.monotonic() + _TIMEOUT_SECONDS
        while True:
            futures = self._ask(lambda: self._admin.list_offsets(wanted, request_timeout=_TIMEOUT_SECONDS))
            try:
                return {(place.topic, place.partition): future.result().offset for place, future in futures.items()}
            except KafkaException as exc:
                # A topic that was made a moment ago, or whose broker went away, has no leader for a moment.
                if exc.args[0].code() not in _LEADERLESS or time.monotonic() > deadline:
                    raise failure_of(self._errors.explain(exc), self._settings) from exc
                time.sleep(_POLL_SECONDS)

    def topic_settings(self, topics: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
        """All settings of existing topics, defaults included.

        Raises:
            CommandFailed: Kafka does not answer, or refuses.
        """
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in topics]
        if not resources:
            return {}
        futures = self._ask(lambda: self._admin.describe_configs(resources, request_timeout=_TIMEOUT_SECONDS))
        return {
            resource.name: {entry.name: entry.value for entry in self._ask(future.result).values()}
            for resource, future in futures.items()
        }

    def create(self, topics: Iterable[NewTopic]) -> Mapping[str, KafkaError | None]:
        """Create topics and wait until Kafka shows those that are there now.

        Returns:
            For each topic its error, or None.

        Raises:
            CommandFailed: Kafka does not answer.
        """
        futures = self._ask(
            lambda: self._admin.create_topics(list(topics), request_timeout=_TIMEOUT_SECONDS, operation_timeout=10)
        )
        errors: dict[str, KafkaError | None] = {}
        for name, future in futures.items():
            try:
                future.result()
                errors[name] = None
            except KafkaException as exc:
                errors[name] = exc.args[0]
        self._wait_for([name for name, error in errors.items() if error is None or exists_already(error)])
        return errors

    def _wait_for(self, names: list[str]) -> None:
        deadline = time.monotonic() + 2 * _TIMEOUT_SECONDS
        while not set(names) <= self.partition_counts().keys():
            if time.monotonic() > deadline:
                raise CommandFailed("Kafka has accepted the topics, but does not show them yet: try again")
            time.sleep(_POLL_SECONDS)

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as exc:
            self._admin.poll(0)  # hands librdkafka's own remarks to the memory
            raise failure_of(self._errors.explain(exc), self._settings) from exc
