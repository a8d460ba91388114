"""Kafka behind TLS and a login: the worker's client and the commands' do the same with the same settings."""

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.errors import KafkaError as AiokafkaError
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from schemas.errors import ConfigurationError
from streams.kafka import client_config
from streams.sandbox.slapd import Slapd
from streams.settings import Settings
from streams.worker.delivery.agents import build_app
from streams.worker.delivery.kafka_security import kafka_security
from tests.support.flow import Flow
from tests.support.identity_source import IdentitySource
from tests.support.secured_kafka import KEY_PASSWORD, PASSWORD, SecuredKafka

_LIMIT_SECONDS: Final = 30
_REFUSALS: Final = {
    KafkaError._SSL,  # noqa: SLF001 - public constants of librdkafka's own errors
    KafkaError._AUTHENTICATION,  # noqa: SLF001
    KafkaError._TRANSPORT,  # noqa: SLF001 - what a missing certificate looks like
}


def _settings(server: str, client: Mapping[str, str]) -> Settings:
    connection = {"server": "ldap://localhost", "admin_dn": "cn=a", "admin_password": "x"}
    kafka = {"bootstrap_servers": server, "client": dict(client)}
    return Settings.model_validate({"kafka": kafka, "connection": connection, "sync": {"target_dn": "ou=x"}})


async def _worker_gets_in(settings: Settings) -> bool:
    """Whether the worker's client does."""
    conf = build_app(settings).conf
    auth = credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context)
    client = AIOKafkaClient(bootstrap_servers=settings.kafka.bootstrap_servers, **auth)
    try:
        await client.bootstrap()
    except (AiokafkaError, KafkaConnectionError):
        return False
    finally:
        await client.close()
    return True


def _commands_get_in(settings: Settings) -> bool:
    """Whether librdkafka does."""
    refusals: list[KafkaError] = []
    config: dict[str, Any] = {**client_config(settings), "error_cb": refusals.append}
    admin = AdminClient(config)
    deadline = monotonic() + _LIMIT_SECONDS
    while monotonic() < deadline:
        try:
            return bool(admin.list_topics(timeout=0.5).brokers)
        except KafkaException:
            admin.poll(0)
            if {error.code() for error in refusals} & _REFUSALS:
                return False
    raise TimeoutError("Kafka neither answers nor refuses")


def test_events_become_entries_over_scram_and_tls(
    tmp_path: Path,
    secured: SecuredKafka,
    fresh_slapd: Callable[..., Slapd],
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Topics, producer, Faust, its tables, and the tail of the states: all of them log on."""
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    kafka = {
        "bootstrap_servers": f"localhost:{secured.broker.login_port}",
        "client": {**secured.login, "sasl.password": "${KAFKA_PASSWORD}"},
    }
    source = IdentitySource()
    source.add_organization("rd", "R&D")
    source.add_account("a1", "mei", "rd")
    with Flow(tmp_path, secured.broker, fresh_slapd(), topic_prefix, kafka=kafka) as flow:
        worker = flow.worker()
        flow.publish(source.events)
        flow.settle(source)
        assert PASSWORD not in worker.log.read_text()


@pytest.mark.parametrize(
    ("way", "host", "changes", "gets_in"),
    [
        ("login", "localhost", {}, True),
        ("login", "localhost", {"sasl.password": "wrong"}, False),
        ("login", "localhost", {"ssl.ca.location": "stranger"}, False),
        ("login", "127.0.0.1", {}, False),
        ("login", "127.0.0.1", {"ssl.endpoint.identification.algorithm": "none"}, True),
        ("login", "localhost", {"ssl.ca.location": "stranger", "enable.ssl.certificate.verification": "false"}, True),
        ("mutual", "localhost", {}, True),
        ("mutual", "localhost", {"ssl.certificate.location": None, "ssl.key.location": None}, False),
    ],
)
async def test_both_clients_are_let_in_or_not(
    secured: SecuredKafka, way: str, host: str, changes: dict[str, str | None], *, gets_in: bool
) -> None:
    """A password, an authority, a name that is wrong or not asked for; a certificate of our own, with a locked key."""
    port = secured.broker.login_port if way == "login" else secured.broker.mutual_port
    wanted = {**(secured.login if way == "login" else secured.mutual), **changes}
    client = {key: value for key, value in wanted.items() if value is not None}
    if client["ssl.ca.location"] == "stranger":
        client["ssl.ca.location"] = str(secured.stranger)
    settings = _settings(f"{host}:{port}", client)
    assert (await _worker_gets_in(settings), _commands_get_in(settings)) == (gets_in, gets_in)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ssl.key.password": "wrong"}, "give a certificate and its key in PEM, and ssl.key.password"),
        ({"ssl.certificate.location": "/nowhere.pem"}, r"ssl\.certificate\.location /nowhere\.pem"),
        ({"ssl.ca.location": "/nowhere.pem"}, r"ssl\.ca\.location /nowhere\.pem holds no certificate"),
    ],
)
def test_files_that_cannot_be_used_are_told_at_start(
    secured: SecuredKafka, changes: dict[str, str], words: str
) -> None:
    """By name, never with a password."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        kafka_security(_settings("localhost:1", {**secured.mutual, **changes}))
    assert KEY_PASSWORD not in str(caught.value)
