"""What every client of Kafka is given, and what its failures mean for the operator."""

from typing import Final, TypeAlias

from confluent_kafka import KafkaError, KafkaException

from schemas.errors import CommandFailed, ConfigurationError, LdapflowError
from streams.settings import Settings

ClientConfig: TypeAlias = dict[str, str | int | float | bool]

_SILENT: Final = {
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001 - public constants of librdkafka's own errors
    KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError.BROKER_NOT_AVAILABLE,
    KafkaError.REQUEST_TIMED_OUT,
}
_LOGIN: Final = {
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError.SASL_AUTHENTICATION_FAILED,
}
_TLS: Final = {
    KafkaError._SSL,  # noqa: SLF001
}
_SETTINGS: Final = {
    KafkaError._INVALID_ARG,  # noqa: SLF001
}
_TOPICS: Final = {
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
    KafkaError.UNKNOWN_TOPIC_OR_PART,
}
_RIGHTS: Final = {
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
}
_PRECISE: Final = _LOGIN | _TLS


def client_config(settings: Settings) -> ClientConfig:
    """The librdkafka settings that all clients share; each adds its own.

    librdkafka's own messages on stderr are off: what matters comes as an error.
    """
    return {
        "bootstrap.servers": settings.kafka.bootstrap_servers,
        "client.id": "ldapflow",
        "log_level": 0,
        # librdkafka asks for a connection at most twice in that time: a client's first answer takes half of it.
        "reconnect.backoff.ms": 20,
        **settings.kafka.client,
    }


class ErrorMemory:
    """Keeps the most telling of the errors that librdkafka only mentions.

    A refused login or certificate ends in a time-out like a dead broker; the reason is told to this callback alone.
    """

    def __init__(self) -> None:
        self._telling: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Be librdkafka's `error_cb`."""
        if error.code() in _PRECISE:
            self._telling = error

    def explain(self, exc: KafkaException) -> KafkaException:
        """The telling error if there was one, else the one that came."""
        return exc if self._telling is None else KafkaException(self._telling)


def does_not_answer(error: KafkaError) -> bool:
    """Whether Kafka is away, as opposed to refusing."""
    return error.code() in _SILENT or error.retriable()


def failure_of(exc: KafkaException, settings: Settings) -> LdapflowError:
    """Say in one line what a failure of Kafka means and what to do."""
    error: KafkaError = exc.args[0]
    servers = settings.kafka.bootstrap_servers
    words = error.str().partition("\n")[0]
    code = error.code()
    if code in _SETTINGS:
        return ConfigurationError(f"kafka.client: {words}: correct it")
    if code in _LOGIN:
        return CommandFailed(
            f"Kafka at {servers} refuses the login: correct sasl.* or security.protocol in kafka.client ({words})"
        )
    if code in _TLS:
        return CommandFailed(
            f"Kafka at {servers} and we do not agree on TLS: correct ssl.* or security.protocol in kafka.client"
            f" ({words})"
        )
    if code in _RIGHTS:
        return CommandFailed(f"Kafka at {servers} denies it: give this user the right ({words})")
    if code in _TOPICS:
        return CommandFailed("a topic does not exist in Kafka: run `ldapflow topics create`")
    if does_not_answer(error):
        return CommandFailed(
            f"Kafka at {servers} does not answer: start it, or correct kafka.bootstrap_servers or security.protocol"
            " in kafka.client"
        )
    return CommandFailed(f"Kafka at {servers} refuses: {words}")
