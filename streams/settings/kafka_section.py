"""The section about Kafka and the names of its topics (contract section 4)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator

from streams.settings.section import Section
from streams.settings.values import (
    BootstrapServers,
    KafkaValue,
    Positive,
    Seconds,
    Text,
    TopicName,
    beside_configuration,
)

_CLIENT_PREFIXES: Final = ("security.", "sasl.", "ssl.", "enable.ssl.", "enable.sasl.")


class TopicNames(Section):
    """The seven topics (contract section 1); a key is the default name, its value the name to use instead."""

    organization_events: Annotated[TopicName, Field(alias="idaas.organizations")] = "idaas.organizations"
    """Events of organizations; 1 partition."""
    account_events: Annotated[TopicName, Field(alias="idaas.accounts")] = "idaas.accounts"
    """Events of accounts; `account_partitions` partitions."""
    organization_states: Annotated[TopicName, Field(alias="ldapflow.organizations")] = "ldapflow.organizations"
    """The full snapshot of organizations; 1 partition, compacted."""
    account_states: Annotated[TopicName, Field(alias="ldapflow.accounts")] = "ldapflow.accounts"
    """The full snapshot of accounts; `account_partitions` partitions, compacted."""
    dead_letters: Annotated[TopicName, Field(alias="ldapflow.dead-letters")] = "ldapflow.dead-letters"
    """Events that can never succeed; 1 partition."""
    control: Annotated[TopicName, Field(alias="ldapflow.control")] = "ldapflow.control"
    """What people decided; 1 partition, compacted."""
    jobs: Annotated[TopicName, Field(alias="ldapflow.jobs")] = "ldapflow.jobs"
    """One record of every verification or push; 1 partition, compacted."""

    @property
    def all(self) -> tuple[str, ...]:
        """The seven names, in the order of the contract."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


class KafkaSettings(Section):
    """How Kafka is reached, and how its topics are made."""

    bootstrap_servers: BootstrapServers = "localhost:9092"
    """`host:port` of one or more brokers, separated by commas."""
    client: Mapping[str, KafkaValue] = Field(default_factory=dict, repr=False)
    """librdkafka's security settings: `security.protocol`, `sasl.*`, `ssl.*`; secrets as `${…}`."""
    application_id: Text = "ldapflow"
    """The consumer group of the workers."""
    topics: TopicNames = Field(default_factory=TopicNames)
    """Other names for topics: `{idaas.accounts: hr.accounts}`."""
    account_partitions: Positive = 12
    """Partitions of the two account topics. Fixed once there are states."""
    partitioner: Literal["murmur2_random", "murmur2", "consistent_random", "consistent", "fnv1a_random", "fnv1a"] = (
        "murmur2_random"
    )
    """How `publish` chooses a partition; murmur2 is what Java producers do."""
    replication_factor: Positive = 1
    """Copies of each topic that is created."""
    session_timeout_seconds: Seconds = 6
    """How long a worker may be silent before its partitions go to others."""
    heartbeat_seconds: Seconds = 2
    """How often a worker says that it lives; less than half of the session timeout."""
    rebalance_timeout_seconds: Seconds = 6
    """How long a worker may take to hand its partitions over."""

    @field_validator("client", mode="before")  # a key that must go is told before what is wrong with its value
    @classmethod
    def _only_security(cls, value: object) -> object:
        for key in value if isinstance(value, Mapping) else ():
            if not str(key).startswith(_CLIENT_PREFIXES):
                raise ValueError(f"holds security.*, sasl.* and ssl.* settings of librdkafka only: remove {key}")
        return value

    @field_validator("client")
    @classmethod
    def _beside_configuration(cls, value: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        def placed(key: str, text: str) -> str:
            # A word such as `probe` is no path.
            is_path = key.endswith(".location") and (key, text) != ("ssl.ca.location", "probe")
            return str(beside_configuration(Path(text), info)) if is_path else text

        return {key: placed(key, text) for key, text in value.items()}

    @field_validator("topics")
    @classmethod
    def _distinct(cls, value: TopicNames) -> TopicNames:
        if len(set(value.all)) < len(value.all):
            raise ValueError("gives two topics the same name: every topic needs its own")
        return value

    @field_validator("heartbeat_seconds")
    @classmethod
    def _several_in_a_session(cls, value: float, info: ValidationInfo) -> float:
        session = info.data.get("session_timeout_seconds")
        if session is not None and value * 2 > session:
            raise ValueError(
                "must be at most half of session_timeout_seconds: one lost heartbeat must not cost the session"
            )
        return value
