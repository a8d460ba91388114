"""What Kafka's failures mean for the operator."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas.errors import CommandFailed, ConfigurationError
from streams.kafka import client_config, failure_of
from streams.kafka.client import ErrorMemory, does_not_answer
from streams.settings import Settings

SETTINGS = Settings.model_validate(
    {
        "kafka": {"bootstrap_servers": "kafka:9092", "client": {"sasl.password": "hunter2"}},
        "connection": {"server": "ldap://localhost", "admin_dn": "cn=admin", "admin_password": "secret"},
        "sync": {"target_dn": "ou=company"},
    }
)


def failure(code: int, words: str = "words") -> str:
    """The line that an operator reads."""
    return str(failure_of(KafkaException(KafkaError(code, words)), SETTINGS))


@pytest.mark.parametrize("name", ["_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_TIMED_OUT", "_MSG_TIMED_OUT"])
def test_a_silent_kafka_is_named_with_its_address(name: str) -> None:
    assert failure(getattr(KafkaError, name)) == (
        "Kafka at kafka:9092 does not answer: start it, or correct kafka.bootstrap_servers or security.protocol"
        " in kafka.client"
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("_AUTHENTICATION", "refuses the login: correct sasl.* or security.protocol"),
        ("SASL_AUTHENTICATION_FAILED", "refuses the login: correct sasl.* or security.protocol"),
        ("_SSL", "do not agree on TLS: correct ssl.* or security.protocol"),
        ("TOPIC_AUTHORIZATION_FAILED", "denies it: give this user the right"),
        ("UNKNOWN_TOPIC_OR_PART", "run `ldapflow topics create`"),
        ("MSG_SIZE_TOO_LARGE", "Kafka at kafka:9092 refuses: words"),
    ],
)
def test_each_failure_says_what_to_do(name: str, words: str) -> None:
    line = failure(getattr(KafkaError, name), "words\nand more")
    assert words in line
    assert "\n" not in line


def test_a_setting_that_librdkafka_does_not_know_is_the_configurations_fault() -> None:
    error = failure_of(KafkaException(KafkaError(KafkaError._INVALID_ARG, "No such property")), SETTINGS)  # noqa: SLF001
    assert isinstance(error, ConfigurationError)
    assert error.problems == ("kafka.client: No such property: correct it",)


def test_a_refused_login_is_remembered_behind_the_time_out() -> None:
    """Librdkafka tells it to a callback alone; the call that waits just times out."""
    memory = ErrorMemory()
    memory(KafkaError(KafkaError._AUTHENTICATION, "bad password"))  # noqa: SLF001
    memory(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))  # noqa: SLF001
    explained = memory.explain(KafkaException(KafkaError(KafkaError._TRANSPORT)))  # noqa: SLF001
    assert isinstance(failure_of(explained, SETTINGS), CommandFailed)
    assert "refuses the login" in str(failure_of(explained, SETTINGS))


def test_refusals_are_not_taken_for_silence() -> None:
    """What is refused must not be tried for ever."""
    assert not does_not_answer(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))
    assert not does_not_answer(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_clients_get_the_security_settings_and_are_silent() -> None:
    """And ask for their first connection soon."""
    assert client_config(SETTINGS) == {
        "bootstrap.servers": "kafka:9092",
        "client.id": "ldapflow",
        "log_level": 0,
        "reconnect.backoff.ms": 20,
        "sasl.password": "hunter2",
    }
