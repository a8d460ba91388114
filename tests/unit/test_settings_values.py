"""What single settings may be."""

from pathlib import Path

import pytest

from streams.settings import ServerAddress
from tests.support.configuration import SMALLEST, Load, Problems, load, problems, with_connection

__all__ = ["load", "problems"]  # fixtures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ldap://h", ServerAddress("h", 389, tls=False)),
        ("ldaps://h", ServerAddress("h", 636, tls=True)),
        ("LDAPS://h:1636/", ServerAddress("h", 1636, tls=True)),
        ("h:3389", ServerAddress("h", 3389, tls=False)),
        ("h", ServerAddress("h", 389, tls=False)),
        ("ldap://[::1]", ServerAddress("::1", 389, tls=False)),
        ("ldaps://[2001:db8::1]:1", ServerAddress("2001:db8::1", 1, tls=True)),
    ],
)
def test_a_server_is_read(text: str, expected: ServerAddress) -> None:
    assert ServerAddress.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "ldap://", "http://h", "h:", "h:0", "h:65536", "h:x", "::1", "[::1", "[h]:1", "ldap://u@h", "ldap://h/dc=x"],
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        ServerAddress.parse(text)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_is_known_by_its_name(host: str) -> None:
    assert ServerAddress(host, 389, tls=False).loopback


@pytest.mark.parametrize("host", ["ldap.example.com", "10.0.0.1", "localhost.example.com", "::2"])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not ServerAddress(host, 389, tls=False).loopback


@pytest.mark.parametrize(
    "cron", ["45 1 * * *", "0 45 1 * * ?", "*/15 0-6,22 1 JAN-MAR MON,WED", "0 0 12 ? * SUN", "0 0 * * 7"]
)
def test_cron_expressions_of_both_forms_are_accepted(load: Load, cron: str) -> None:
    assert load(f"{SMALLEST}  verification: {{cron: '{cron}'}}\n").sync.verification.cron == cron


def test_a_dedicated_endpoint_gives_its_source_address(load: Load) -> None:
    settings = load(with_connection("endpoint: vpc") + "endpoints: {vpc: {source_address: 10.0.0.5}}\n")
    assert settings.source_address == "10.0.0.5"


def test_renamed_topics_keep_the_other_names(load: Load) -> None:
    topics = load(SMALLEST + "kafka: {topics: {idaas.accounts: hr.accounts}}\n").topics
    assert topics.all == (
        "idaas.organizations", "hr.accounts", "ldapflow.organizations", "ldapflow.accounts",
        "ldapflow.dead-letters", "ldapflow.control", "ldapflow.jobs",
    )  # fmt: skip


@pytest.mark.parametrize("value", ["1", "all"])
def test_what_is_no_security_setting_of_kafka_is_refused_whatever_its_value(problems: Problems, value: str) -> None:
    """Nobody shall quote a value first and learn then that its key is not allowed."""
    assert problems(f"{SMALLEST}kafka:\n  client: {{acks: {value}}}\n") == [
        "8: kafka.client: holds security.*, sasl.* and ssl.* settings of librdkafka only: remove acks"
    ]


def test_files_of_kafkas_security_lie_beside_the_configuration(load: Load, tmp_path: Path) -> None:
    """As all other paths do; a word of librdkafka's is none."""
    client = "{ssl.ca.location: probe, ssl.key.location: key.pem, ssl.certificate.location: /etc/c.pem}"
    found = load(SMALLEST + f"kafka: {{client: {client}}}\n").kafka.client
    assert found == {
        "ssl.ca.location": "probe",
        "ssl.key.location": str(tmp_path / "key.pem"),
        "ssl.certificate.location": "/etc/c.pem",
    }
