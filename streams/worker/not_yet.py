"""Settings whose work this version does not do yet: it says so at start instead of ignoring them."""

from collections.abc import Iterator

from schemas.errors import ConfigurationError
from streams.settings import Settings
from streams.worker.kafka_security import kafka_security


def refuse_what_is_missing(settings: Settings) -> None:
    """Raise ConfigurationError with one line for each setting that would be ignored, or cannot be obeyed."""
    problems = list(_missing(settings))
    try:
        kafka_security(settings)
    except ConfigurationError as exc:
        problems += exc.problems
    if problems:
        raise ConfigurationError(*problems)


def _missing(settings: Settings) -> Iterator[str]:
    if settings.sync.passwords:
        yield "sync.passwords: true is not in this version yet: write `passwords: false`"
    if settings.state_store != "memory":
        yield f"state_store: {settings.state_store} is not in this version yet: write `state_store: memory`"
