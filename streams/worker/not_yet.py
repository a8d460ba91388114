"""Settings whose work this version does not do yet: it says so at start instead of ignoring them."""

from collections.abc import Iterator

from schemas.errors import ConfigurationError
from streams.settings import Settings


def refuse_what_is_missing(settings: Settings) -> None:
    """Raise ConfigurationError with one line for each setting that would be ignored."""
    problems = list(_missing(settings))
    if problems:
        raise ConfigurationError(*problems)


def _missing(settings: Settings) -> Iterator[str]:
    if settings.sync.passwords:
        yield "sync.passwords: true is not in this version yet: write `passwords: false`"
    if settings.state_store != "memory":
        yield f"state_store: {settings.state_store} is not in this version yet: write `state_store: memory`"
    if settings.kafka.client:
        yield "kafka.client: the worker's connection cannot be secured in this version yet: remove it"
