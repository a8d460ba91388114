"""What the writer of a broken configuration reads, word for word: the line, the path, what is wrong, what to do."""

from pathlib import Path

import pytest

from tests.support.configuration import SMALLEST, Problems, load, problems, with_connection

__all__ = ["load", "problems"]  # fixtures
PARTITIONERS = "'murmur2_random', 'murmur2', 'consistent_random', 'consistent', 'fnv1a_random' or 'fnv1a'"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: the file is empty: write a configuration (see README)"),
        ("- a\n", "1: expected `key: value` lines: write a configuration (see README)"),
        (SMALLEST + "nam: head-office\n", "7: nam: unknown key: did you mean name?"),
        (SMALLEST + "metrics: {zzz: 1}\n", "7: metrics.zzz: unknown key: remove it; known here are listen"),
        (SMALLEST.replace("target_dn", "target_db"), "6: sync.target_db: unknown key: did you mean target_dn?"),
        (SMALLEST.partition("sync")[0], "1: sync: is missing: needs at least target_dn"),
        (SMALLEST + "name: x\nname: y\n", "8: name: is given twice, first in line 7: keep one of them"),
        (SMALLEST + "name: 5\n", "7: name: must be text: put it into quotes"),
        (SMALLEST + "name: ''\n", "7: name: must not be empty"),
        (SMALLEST + "name: ${TOWN}\n", "7: name: the environment variable TOWN is not set: set it"),
        (SMALLEST + "log_format: xml\n", "7: log_format: must be 'json' or 'text'"),
        (SMALLEST + "state_store: disk\n", "7: state_store: must be 'memory' or 'rocksdb'"),
        (SMALLEST + "max_event_bytes: 0\n", "7: max_event_bytes: must be greater than 0"),
        (SMALLEST + "max_event_bytes: 1.5\n", "7: max_event_bytes: must be a whole number"),
    ],
)
def test_the_file(problems: Problems, text: str, told: str) -> None:
    """One line, though a misspelled key is a missing one as well."""
    assert problems(text) == [told]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("start_tsl: true", "start_tsl: unknown key: did you mean start_tls?"),
        ("start_tls: perhaps", "start_tls: must be true or false"),
        ("connect_timeout_seconds: 0", "connect_timeout_seconds: must be greater than 0"),
        ("operation_timeout_seconds: .inf", "operation_timeout_seconds: must be a finite number"),
        ("endpoint: vpc", "endpoint: is not one of shared: name one, or add it to endpoints"),
        (
            "certificate_fingerprints: ['sha1:AB']",
            (
                "certificate_fingerprints[0]: must be sha256: and 32 hexadecimal octets (AB:CD:…): remove it and run"
                " `ldapflow fingerprint --pin`"
            ),
        ),
        (
            "certificate_fingerprints: sha256:AB",
            "certificate_fingerprints: must be a list: write it between [ and ]",
        ),
    ],
)
def test_the_connection(problems: Problems, line: str, told: str) -> None:
    """At its key."""
    assert problems(with_connection(line)) == [f"5: connection.{told}"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("ldap://ldap", "http://ldap", "2: connection.server: must begin with ldap:// or ldaps://"),
        ("example.com\n", "example.com:65536\n", "2: connection.server: must end with a port from 1 to 65535"),
        ("ldap://ldap.example.com", "389", "2: connection.server: must be text such as ldap://HOST:389"),
        (
            "cn=admin,dc=example,dc=com",
            "admin",
            (
                "3: connection.admin_dn: must be a DN such as cn=admin,dc=example,dc=com: '=' was expected"
                " (at character 6)"
            ),
        ),
        (
            "${LDAP_PASSWORD}",
            "hunter2",
            "4: connection.admin_password: must not be written out: use admin_password_file, or give it as ${ENV_NAME}",
        ),
        (
            "LDAP_PASSWORD",
            "OTHER",
            "4: connection.admin_password: the environment variable OTHER is not set: set it",
        ),
        ("ou=company,dc=example,dc=com", "''", "6: sync.target_dn: must not be empty: give the DN of an entry"),
    ],
)
def test_what_every_configuration_has(problems: Problems, old: str, new: str, told: str) -> None:
    """A secret that is written out is not repeated."""
    assert problems(SMALLEST.replace(old, new, 1)) == [told]


def test_two_ways_of_encryption(problems: Problems) -> None:
    """The later of the two is told."""
    assert problems(with_connection("start_tls: true").replace("ldap://", "ldaps://")) == [
        "5: connection.start_tls: does not go with ldaps://, which is encrypted already: remove one of them"
    ]


def test_pins_that_nobody_would_look_at(problems: Problems) -> None:
    """Without encryption no certificate is shown, and anybody is trusted."""
    pin = "certificate_fingerprints: [sha256:" + "AB" * 32 + "]"
    (problem,) = problems(with_connection(pin))
    assert problem == (
        "5: connection.certificate_fingerprints: say nothing of a link that is not encrypted: set start_tls, use"
        " ldaps://, or remove them"
    )


def test_a_file_of_authorities_that_is_not_there(problems: Problems, tmp_path: Path) -> None:
    """Its path begins beside the configuration."""
    assert problems(with_connection("ca_file: nowhere.pem")) == [
        f"5: connection.ca_file: {tmp_path / 'nowhere.pem'} does not exist: create it, or correct the path"
    ]


def test_a_secret_file_that_everybody_may_read(problems: Problems, tmp_path: Path) -> None:
    """With the command that mends it."""
    path = tmp_path / "password"
    path.write_text("secret")
    path.chmod(0o644)
    assert problems(SMALLEST.replace("admin_password: ${LDAP_PASSWORD}", "admin_password_file: password")) == [
        f"4: connection.admin_password_file: {path} may be used by others than its owner: chmod 600 {path}"
    ]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("kafka: 3", "kafka: must be a section of `key: value` lines"),
        ("kafka: {bootstrap_servers: kafka}", "kafka.bootstrap_servers: must end with a port from 1 to 65535"),
        ("kafka: {account_partitions: many}", "kafka.account_partitions: must be a whole number"),
        ("kafka: {partitioner: random}", f"kafka.partitioner: must be {PARTITIONERS}"),
        ("kafka: {session_timeout_seconds: -1}", "kafka.session_timeout_seconds: must be greater than 0"),
        (
            "kafka: {heartbeat_seconds: 5}",
            (
                "kafka.heartbeat_seconds: must be at most half of session_timeout_seconds: one lost heartbeat must not"
                " cost the session"
            ),
        ),
        (
            "kafka: {client: {group.id: x}}",
            "kafka.client: holds security.*, sasl.* and ssl.* settings of librdkafka only: remove group.id",
        ),
        (
            "kafka: {client: {sasl.password: hunter2}}",
            "kafka.client.sasl.password: must not be written out: give it as ${ENV_NAME}",
        ),
        (
            "kafka: {client: {sasl.oauthbearer.assertion.private.key.passphrase: hunter2}}",
            (
                "kafka.client.sasl.oauthbearer.assertion.private.key.passphrase: must not be written out: give it as"
                " ${ENV_NAME}"
            ),
        ),
        (
            "kafka: {topics: {idaas.account: x}}",
            "kafka.topics.idaas.account: unknown key: did you mean idaas.accounts?",
        ),
        (
            "kafka: {topics: {idaas.accounts: a b}}",
            "kafka.topics.idaas.accounts: must be a topic's name: 1 to 249 letters, digits, dots, - and _",
        ),
        (
            "kafka: {topics: {idaas.accounts: idaas.organizations}}",
            "kafka.topics: gives two topics the same name: every topic needs its own",
        ),
        ("endpoints: {vpc: {}}", "endpoints.vpc.source_address: is missing: add it"),
        (
            "endpoints: {vpc: {source_address: here}}",
            "endpoints.vpc.source_address: must be an IP address of this machine",
        ),
        (
            "endpoints: {shared: {source_address: 10.0.0.1}}",
            "endpoints.shared: is the name of the default endpoint: choose another",
        ),
        ("metrics: {listen: localhost}", "metrics.listen: must end with a port from 0 to 65535"),
        ("metrics: {listen: 9108}", "metrics.listen: must be text such as 127.0.0.1:9108"),
        (
            "authentication: {enabled: true}",
            "authentication.token: is missing: give token_file, or token: ${…}, or `enabled: false`",
        ),
        (
            "authentication: {tls_key: k}",
            "authentication.tls_key: goes with tls_certificate: give both or none",
        ),
    ],
)
def test_kafka_and_the_services(problems: Problems, line: str, told: str) -> None:
    """At its key; a secret is not repeated."""
    assert problems(f"{SMALLEST}{line}\n") == [f"7: {told}"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("disabled_accounts: delete", "disabled_accounts: must be 'lock', 'keep' or 'remove'"),
        ("target_entry_uuid: x", "target_entry_uuid: must be an entryUUID: `ldapflow pin` writes it"),
        (
            "verification: {cron: 61 1 * * *}",
            "verification.cron: has a wrong minute: a number from 0 to 59, *, a list, a range or a step",
        ),
        (
            "verification: {cron: '*/0 1 * * *'}",
            "verification.cron: has a wrong step in the field minute: a number above 0 follows the slash",
        ),
        (
            "verification: {cron: '? 1 * * *'}",
            "verification.cron: has a wrong minute: a number from 0 to 59, *, a list, a range or a step",
        ),
        (
            "verification: {cron: '1 *'}",
            (
                "verification.cron: must be a cron expression of five fields (minute hour day month weekday) or six"
                " (second first)"
            ),
        ),
        ("verification: {hours: [24]}", "verification.hours[0]: must be at most 23"),
        ("verification: {hours: []}", "verification.hours: names no hour: give some, or `enabled: false`"),
        (
            "verification: {hours: [3], cron: 1 1 * * *}",
            "verification.cron: does not go with hours: keep one of them",
        ),
        ("deletion_guard: {accounts: -1}", "deletion_guard.accounts: must be at least 0"),
        ("deletion_guard: {percent: 101}", "deletion_guard.percent: must be at most 100"),
        ("deletion_guard: {window_minutes: 0}", "deletion_guard.window_minutes: must be greater than 0"),
    ],
)
def test_synchronization(problems: Problems, line: str, told: str) -> None:
    """At its key."""
    assert problems(f"{SMALLEST}  {line}\n") == [f"7: sync.{told}"]


def test_all_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    """Wrong types, unknown keys, rules between settings, secrets and expressions do not hide each other."""
    text = """\
nam: head-office
kafka:
  session_timeout_seconds: 6
  heartbeat_seconds: 5
connection:
  server: http://localhost
  admin_dn: admin
  admin_password: hunter2
  endpoint: vpc
sync:
  disabled_accounts: delete
  deletion_guard: {percent: 101, window_minutes: 0}
users:
  mapping:
    - {attribute: uid, field: user.username}
    - {attribute: cn, field: user.displayName, constant: x}
    - {attribute: sn, expression: Nope(}
    - {attribut: mail, constant: x}
"""
    found = problems(text)
    assert [problem.split(": ")[:2] for problem in found] == [
        ["1", "nam"],
        ["4", "kafka.heartbeat_seconds"],
        ["6", "connection.server"],
        ["7", "connection.admin_dn"],
        ["8", "connection.admin_password"],
        ["9", "connection.endpoint"],
        ["10", "sync.target_dn"],
        ["11", "sync.disabled_accounts"],
        ["12", "sync.deletion_guard.percent"],
        ["12", "sync.deletion_guard.window_minutes"],
        ["16", "users.mapping[1]"],
        ["17:40", "users.mapping[2].expression"],
        ["18", "users.mapping[3].attribut"],
    ]
    assert not any("hunter2" in problem for problem in found)
