"""What single settings may be."""

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
    ("line", "words"),
    [
        ("certificate_fingerprints: ['sha1:AB']", "connection.certificate_fingerprints[0]: must be sha256:"),
        (
            "certificate_fingerprints: ['AB']",
            "connection.certificate_fingerprints[0]: must be sha256: and 32 hexadecimal octets (AB:CD:…): `openssl ",
        ),
        ("certificate_fingerprints: x", "connection.certificate_fingerprints: must be a list"),
        ("connect_timeout_seconds: 0", "connection.connect_timeout_seconds: must be greater than 0"),
        ("operation_timeout_seconds: .inf", "connection.operation_timeout_seconds: must be a finite number"),
        ("ca_file: nowhere.pem", "connection.ca_file: "),
        ("endpoint: vpc", "connection.endpoint: is not one of shared: name one, or add it to endpoints"),
    ],
)
def test_a_wrong_connection_is_told_at_its_key(problems: Problems, line: str, words: str) -> None:
    (problem,) = problems(with_connection(line))
    assert problem.startswith(f"5: {words}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("kafka: {bootstrap_servers: kafka}", "kafka.bootstrap_servers: must end with a port"),
        ("kafka: {client: {group.id: x}}", "kafka.client: holds security.*"),
        ("kafka: {topics: {idaas.accounts: a b}}", "kafka.topics.idaas.accounts: must be a topic's name"),
        ("kafka: {topics: {idaas.accounts: idaas.organizations}}", "kafka.topics: gives two topics the same name"),
        ("kafka: {partitioner: random}", "kafka.partitioner: must be 'murmur2_random'"),
        ("kafka: {session_timeout_seconds: -1}", "kafka.session_timeout_seconds: must be greater than 0"),
        ("kafka: 3", "kafka: must be a section"),
        ("endpoints: {vpc: {source_address: here}}", "endpoints.vpc.source_address: must be an IP address"),
        ("endpoints: {shared: {source_address: 10.0.0.1}}", "endpoints.shared: is the name of the default endpoint"),
        ("users: {rdn_conflict: fight}", "users.rdn_conflict: must be 'wait' or 'qualify'"),
        ("users: {rdn: employeeNumber}", "users.rdn: employeeNumber needs a row in the mapping"),
        ("users: {id_attribute: uid}", "users.id_attribute: uid has a row in the mapping"),
        ("users: {object_classes: []}", "users.object_classes: must name at least one"),
        ("users: {object_classes: [top, TOP]}", "users.object_classes: names an object class twice"),
        ("users: {sign_in_ids: [userPassword]}", "users.sign_in_ids[0]: must not be userPassword"),
        ("users: {sign_in_ids: ['(uid']}", "users.sign_in_ids[0]: must be the name of an LDAP attribute"),
        ("metrics: {listen: localhost}", "metrics.listen: must end with a port from 0"),
        ("max_event_bytes: 0", "max_event_bytes: must be greater than 0"),
        ("max_event_bytes: 1.5", "max_event_bytes: must be a whole number"),
        ("log_format: xml", "log_format: must be 'json' or 'text'"),
        ("state_store: disk", "state_store: must be 'memory' or 'rocksdb'"),
        ("authentication: {tls_key: k}", "authentication.tls_key: goes with tls_certificate"),
    ],
)
def test_a_wrong_setting_is_told_at_its_key(problems: Problems, line: str, words: str) -> None:
    (problem,) = problems(f"{SMALLEST}{line}\n")
    assert problem.startswith(f"7: {words}")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("target_entry_uuid: x", "sync.target_entry_uuid: must be an entryUUID"),
        ("verification: {cron: 61 1 * * *}", "sync.verification.cron: has a wrong minute"),
        ("verification: {cron: '*/0 1 * * *'}", "sync.verification.cron: has a wrong step in the field minute"),
        ("verification: {cron: '? 1 * * *'}", "sync.verification.cron: has a wrong minute"),
        ("verification: {cron: '1 *'}", "sync.verification.cron: must be a cron expression"),
        ("verification: {hours: [24]}", "sync.verification.hours[0]: must be at most 23"),
        ("verification: {hours: []}", "sync.verification.hours: names no hour"),
        ("verification: {hours: [3], cron: 1 1 * * *}", "sync.verification.cron: does not go with hours"),
        ("deletion_guard: {accounts: -1}", "sync.deletion_guard.accounts: must be at least 0"),
    ],
)
def test_a_wrong_synchronization_is_told_at_its_key(problems: Problems, line: str, words: str) -> None:
    (problem,) = problems(f"{SMALLEST}  {line}\n")
    assert problem.startswith(f"7: {words}")


@pytest.mark.parametrize(
    "cron", ["45 1 * * *", "0 45 1 * * ?", "*/15 0-6,22 1 JAN-MAR MON,WED", "0 0 12 ? * SUN", "0 0 * * 7"]
)
def test_cron_expressions_of_both_forms_are_accepted(load: Load, cron: str) -> None:
    assert load(f"{SMALLEST}  verification: {{cron: '{cron}'}}\n").sync.verification.cron == cron


def test_start_tls_does_not_go_with_ldaps(problems: Problems) -> None:
    (problem,) = problems(with_connection("start_tls: true").replace("ldap://", "ldaps://"))
    assert problem.startswith("5: connection.start_tls: does not go with ldaps://")


def test_the_root_of_the_directory_is_no_target(problems: Problems) -> None:
    (problem,) = problems(SMALLEST.replace("ou=company,dc=example,dc=com", "''"))
    assert problem == "6: sync.target_dn: must not be empty: give the DN of an entry"


def test_a_dedicated_endpoint_gives_its_source_address(load: Load) -> None:
    settings = load(with_connection("endpoint: vpc") + "endpoints: {vpc: {source_address: 10.0.0.5}}\n")
    assert settings.source_address == "10.0.0.5"


def test_renamed_topics_keep_the_other_names(load: Load) -> None:
    topics = load(SMALLEST + "kafka: {topics: {idaas.accounts: hr.accounts}}\n").topics
    assert topics.all == (
        "idaas.organizations", "hr.accounts", "ldapflow.organizations", "ldapflow.accounts",
        "ldapflow.dead-letters", "ldapflow.control", "ldapflow.jobs",
    )  # fmt: skip


def test_a_name_that_is_no_dn_is_told_what_a_dn_is(problems: Problems) -> None:
    text = SMALLEST.replace("admin_dn: cn=admin,dc=example,dc=com", "admin_dn: admin")
    assert problems(text) == [
        "3: connection.admin_dn: must be a DN such as cn=admin,dc=example,dc=com: '=' was expected (at character 6)"
    ]


@pytest.mark.parametrize("value", ["1", "all"])
def test_what_is_no_security_setting_of_kafka_is_refused_whatever_its_value(problems: Problems, value: str) -> None:
    """Nobody shall quote a value first and learn then that its key is not allowed."""
    assert problems(f"{SMALLEST}kafka:\n  client: {{acks: {value}}}\n") == [
        "8: kafka.client: holds security.*, sasl.* and ssl.* settings of librdkafka only: remove acks"
    ]
