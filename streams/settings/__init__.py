"""The configuration: one YAML file, all errors at once (contract section 4)."""

from streams.settings.kafka_section import TopicNames
from streams.settings.load import load_settings
from streams.settings.mapping import DEFAULT_ORGANIZATION_MAPPING, DEFAULT_USER_MAPPING
from streams.settings.model import Settings
from streams.settings.sections import DisabledAccounts
from streams.settings.values import ListenAddress, ServerAddress

__all__ = [
    "DEFAULT_ORGANIZATION_MAPPING",
    "DEFAULT_USER_MAPPING",
    "DisabledAccounts",
    "ListenAddress",
    "ServerAddress",
    "Settings",
    "TopicNames",
    "load_settings",
]
