"""The configuration as a whole."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from streams.settings.kafka_section import KafkaSettings, TopicNames
from streams.settings.mapping import Organizations, Users
from streams.settings.section import Section
from streams.settings.sections import (
    SHARED_ENDPOINT,
    Authentication,
    Connection,
    Endpoint,
    MetricsSettings,
    Sync,
)
from streams.settings.values import Positive, Text


class Settings(Section):
    """Everything that is configured (contract section 4)."""

    name: Text = "ldapflow"
    """The display name: in logs, metrics and pages."""
    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    """Kafka."""
    endpoints: Mapping[Text, Endpoint] = Field(default_factory=dict)
    """Dedicated ways out, by name."""
    connection: Connection
    """The LDAP server."""
    sync: Sync
    """What is synchronized where."""
    users: Users = Field(default_factory=Users)
    """Accounts in LDAP."""
    organizations: Organizations = Field(default_factory=Organizations)
    """Organizations in LDAP."""
    authentication: Authentication = Field(default_factory=Authentication)
    """Logging on with the LDAP password."""
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    """Metrics and health."""
    max_event_bytes: Positive = 524288
    """A longer event is refused (dead letter `too_large`)."""
    log_format: Literal["json", "text"] = "json"
    """`json` for machines, `text` for people."""
    state_store: Literal["memory", "rocksdb"] = "memory"
    """Where the workers keep the states of their partitions."""

    @property
    def topics(self) -> TopicNames:
        """The names of the seven topics."""
        return self.kafka.topics

    @property
    def source_address(self) -> str | None:
        """The address from which the LDAP server is reached; None lets the system choose."""
        if self.connection.endpoint == SHARED_ENDPOINT:
            return None
        return self.endpoints[self.connection.endpoint].source_address
