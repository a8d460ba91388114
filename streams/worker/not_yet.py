"""Settings that a worker cannot obey: it says so at start instead of ignoring them."""

from collections.abc import Iterator
from importlib.util import find_spec

from ldap_sink.passwords import require_protection
from schemas.errors import ConfigurationError
from streams.settings import Settings
from streams.settings.directory import directory_settings
from streams.worker.delivery.kafka_security import kafka_security


def refuse_what_is_missing(settings: Settings) -> None:
    """Raise ConfigurationError with one line for each setting that would be ignored, or cannot be obeyed."""
    problems = list(_missing(settings))
    for check in (kafka_security, _passwords):
        try:
            check(settings)
        except ConfigurationError as exc:
            problems += exc.problems
    if problems:
        raise ConfigurationError(*problems)


def _passwords(settings: Settings) -> None:
    if settings.sync.passwords:
        require_protection(directory_settings(settings))


def _missing(settings: Settings) -> Iterator[str]:
    if settings.state_store == "rocksdb" and find_spec("rocksdict") is None:
        yield (
            "state_store: rocksdb needs a package that is not installed: pip install 'ldapflow[rocksdb]', or write"
            " `state_store: memory`"
        )
