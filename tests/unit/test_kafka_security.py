"""Which settings of `kafka.client` the worker obeys, and that none is dropped in silence."""

import pytest

from schemas.errors import ConfigurationError
from streams.settings import Settings
from streams.worker.delivery.kafka_security import Login, kafka_security

LOGIN = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "flow", "sasl.password": "hunter2"}


def settings(client: dict[str, str]) -> Settings:
    """A configuration with these settings."""
    connection = {"server": "ldap://localhost", "admin_dn": "cn=a", "admin_password": "x"}
    return Settings.model_validate(
        {"kafka": {"client": client}, "connection": connection, "sync": {"target_dn": "ou=x"}}
    )


def test_without_settings_nothing_is_protected() -> None:
    security = kafka_security(settings({}))
    assert (security.tls, security.login) == (None, None)


@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "scram-sha-512"])
def test_a_login_is_understood_by_either_name_of_its_mechanism(name: str, mechanism: str) -> None:
    client = {
        "sasl.username": "flow",
        "sasl.password": "hunter2",
        name: mechanism,
        "security.protocol": "SASL_PLAINTEXT",
    }
    assert kafka_security(settings(client)).login == Login(mechanism.upper(), "flow", "hunter2")


def test_a_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(kafka_security(settings({**LOGIN, "security.protocol": "sasl_plaintext"})))


@pytest.mark.parametrize(
    ("client", "problem"),
    [
        ({"ssl.keystore.location": "x"}, "the worker cannot obey ssl.keystore.location: give ssl.certificate.location"),
        ({"sasl.kerberos.service.name": "x"}, "the worker cannot obey sasl.kerberos.service.name: remove it"),
        ({"security.protocol": "tls"}, "security.protocol must be one of plaintext, ssl, sasl_plaintext, sasl_ssl"),
        (LOGIN, "sasl.* does nothing without SASL: set security.protocol to sasl_ssl"),
        ({**LOGIN, "security.protocol": "ssl"}, "sasl.* does nothing without SASL"),
        ({"ssl.ca.location": "x"}, "ssl.* does nothing without TLS: set security.protocol to ssl or sasl_ssl"),
        ({**LOGIN, "security.protocol": "sasl_ssl", "sasl.mechanism": "GSSAPI"}, "sasl.mechanism must be one of PLAIN"),
        ({"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN"}, "sasl.username or sasl.password is missing"),
        ({"security.protocol": "ssl", "ssl.key.location": "x"}, "ssl.certificate.location goes with ssl.key.location"),
        ({"security.protocol": "ssl", "ssl.endpoint.identification.algorithm": "x"}, "must be https or none"),
        ({"security.protocol": "ssl", "enable.ssl.certificate.verification": "x"}, "must be true or false"),
        ({"security.protocol": "ssl", "ssl.cipher.suites": "nonsense"}, "ssl.cipher.suites names no cipher"),
    ],
)
def test_what_cannot_be_obeyed_is_refused(client: dict[str, str], problem: str) -> None:
    """In one line that says what to do, and without a secret."""
    with pytest.raises(ConfigurationError) as caught:
        kafka_security(settings(client))
    (line,) = caught.value.problems
    assert line.startswith("kafka.client: ")
    assert problem in line
    assert "hunter2" not in line


def test_every_setting_that_cannot_be_obeyed_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        kafka_security(settings({"ssl.crl.location": "x", "ssl.engine.location": "y"}))
    assert len(caught.value.problems) == 2
