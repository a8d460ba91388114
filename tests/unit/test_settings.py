"""What a configuration may say, and what its writer is told when it is wrong."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from processors.mapping import compile_mapping
from schemas.dn import DN
from schemas.errors import ConfigurationError
from streams.settings import DisabledAccounts, ListenAddress, ServerAddress, Settings, load_settings

ENVIRONMENT = {"LDAP_PASSWORD": "s3cret-from-environment"}
SMALLEST = """\
connection:
  server: ldap://ldap.example.com
  admin_dn: cn=admin,dc=example,dc=com
  admin_password: ${LDAP_PASSWORD}
sync:
  target_dn: ou=company,dc=example,dc=com
"""

Load = Callable[..., Settings]
Problems = Callable[..., list[str]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a text as a configuration."""

    def run(text: str, environ: Mapping[str, str] = ENVIRONMENT) -> Settings:
        path = tmp_path / "ldapflow.yaml"
        path.write_text(text)
        return load_settings(path, environ)

    return run


@pytest.fixture
def problems(load: Load, tmp_path: Path) -> Problems:
    """The problems of a text, each as `LINE: path: words`."""

    def run(text: str, environ: Mapping[str, str] = ENVIRONMENT) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            load(text, environ)
        name = f"{tmp_path / 'ldapflow.yaml'}:"
        assert all(problem.startswith(name) for problem in caught.value.problems)
        return [problem.removeprefix(name) for problem in caught.value.problems]

    return run


def with_connection(line: str) -> str:
    """The smallest configuration with one more line in `connection` (the 5th of the file)."""
    return SMALLEST.replace("sync:", f"  {line}\nsync:")


def test_the_smallest_configuration_has_the_defaults_of_the_contract(load: Load) -> None:
    settings = load(SMALLEST)
    assert settings.sync.source_node == "ou_root"
    assert settings.sync.disabled_accounts is DisabledAccounts.LOCK
    assert settings.sync.verification.cron == "45 1 * * *"
    assert (settings.sync.deletion_guard.accounts, settings.sync.deletion_guard.organizations) == (30, 10)
    assert [row.attribute for row in settings.users.mapping] == [
        "uid", "cn", "sn", "displayName", "mail", "mobile", "description",
    ]  # fmt: skip
    assert [row.attribute for row in settings.organizations.mapping] == ["ou", "description"]
    assert settings.metrics.listen == ListenAddress("127.0.0.1", 9108)
    assert settings.max_event_bytes == 512 * 1024


def test_values_are_parsed_once(load: Load) -> None:
    """A DN, a server and a fingerprint arrive as what they are."""
    octets = ":".join(f"{number:02X}" for number in range(32))
    settings = load(with_connection(f"certificate_fingerprints: ['SHA256:{octets.lower()}']"))
    assert settings.sync.target_dn == DN.parse("ou=company,dc=example,dc=com")
    assert settings.connection.server == ServerAddress("ldap.example.com", 389, tls=False)
    assert settings.connection.certificate_fingerprints == (f"sha256:{octets}",)


def test_all_problems_are_reported_at_once_in_the_order_of_the_file(problems: Problems) -> None:
    """Wrong types, unknown keys, broken rules between settings and bad secrets do not hide each other."""
    text = """\
nam: head-office
kafka:
  session_timeout_seconds: 6
  heartbeat_seconds: 5
  account_partitions: many
connection:
  server: http://localhost
  admin_dn: admin
  admin_password: hunter2
  start_tls: perhaps
  endpoint: vpc
sync:
  disabled_accounts: delete
  deletion_guard: {percent: 101, window_minutes: 0}
users:
  mapping:
    - {attribute: uid, field: user.username}
    - {attribute: userPassword, field: user.username}
    - {attribute: cn, field: user.displayName, constant: x}
    - {attribut: sn, constant: x}
"""
    found = problems(text)
    assert [problem.split(": ")[1] for problem in found] == [
        "nam",
        "kafka.heartbeat_seconds",
        "kafka.account_partitions",
        "connection.server",
        "connection.admin_dn",
        "connection.admin_password",
        "connection.start_tls",
        "connection.endpoint",
        "sync.target_dn",
        "sync.disabled_accounts",
        "sync.deletion_guard.percent",
        "sync.deletion_guard.window_minutes",
        "users.mapping[1]",
        "users.mapping[2]",
        "users.mapping[3].attribut",
    ]
    assert [int(problem.partition(":")[0]) for problem in found] == [
        1, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 14, 18, 19, 20,
    ]  # fmt: skip
    assert not any("hunter2" in problem for problem in found)


def test_an_unknown_key_names_the_nearest_known_one(problems: Problems) -> None:
    assert problems(with_connection("start_tsl: true")) == [
        "5: connection.start_tsl: unknown key: did you mean start_tls?"
    ]


def test_an_unknown_key_far_from_all_lists_the_known_ones(problems: Problems) -> None:
    (problem,) = problems(SMALLEST + "metrics: {zzz: 1}\n")
    assert problem == "7: metrics.zzz: unknown key: remove it; known here are listen"


def test_a_misspelled_required_key_is_not_reported_as_missing_besides(problems: Problems) -> None:
    assert problems(SMALLEST.replace("target_dn", "target_db")) == [
        "6: sync.target_db: unknown key: did you mean target_dn?"
    ]


def test_a_duplicate_key_is_a_problem(problems: Problems) -> None:
    """YAML readers usually let the last one win without a word."""
    (problem,) = problems(with_connection("server: ldap://other"))
    assert problem == "5: connection.server: is given twice, first in line 2: keep one of them"


def test_an_alias_within_itself_is_a_problem(problems: Problems) -> None:
    """And no endless loop."""
    assert "10: endpoints.a.b: this alias contains itself: write the value out" in problems(
        SMALLEST + "name: x\nendpoints:\n  a: &a\n    b: *a\n"
    )


def test_a_syntax_error_is_one_line_with_its_position(problems: Problems) -> None:
    (problem,) = problems("kafka:\n  client: {a: 1\nsync: x\n")
    assert re.match(r"3:\d+: not valid YAML: ", problem)
    assert "\n" not in problem


@pytest.mark.parametrize(("text", "words"), [("", "the file is empty"), ("- a\n", "expected `key: value` lines")])
def test_a_file_without_sections_is_refused(problems: Problems, text: str, words: str) -> None:
    (problem,) = problems(text)
    assert words in problem


def test_a_missing_file_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "none.yaml"
    with pytest.raises(ConfigurationError) as caught:
        load_settings(path, {})
    assert str(caught.value) == f"no configuration at {path}: write one (see README) or give --config FILE"


def test_a_folder_instead_of_a_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot be read \(Is a directory\)"):
        load_settings(tmp_path, {})


def test_a_file_that_is_not_utf8_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "ldapflow.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(ConfigurationError, match="is not UTF-8 text"):
        load_settings(path, {})


def test_a_section_whose_keys_are_commented_out_has_its_defaults(load: Load) -> None:
    assert load(SMALLEST + "kafka:\n  # bootstrap_servers: kafka:9092\n").kafka.account_partitions == 12


# --- the environment


def test_a_variable_stands_for_any_value(load: Load) -> None:
    """Also within a text, and where a number is wanted."""
    text = SMALLEST + "name: ${TOWN} office\nkafka: {account_partitions: '${N}'}\n"
    settings = load(text, {**ENVIRONMENT, "TOWN": "Oslo", "N": "24"})
    assert (settings.name, settings.kafka.account_partitions) == ("Oslo office", 24)


def test_every_missing_variable_is_named(problems: Problems) -> None:
    assert problems(SMALLEST + "name: ${TOWN}-${STREET}\n", {}) == [
        "4: connection.admin_password: the environment variable LDAP_PASSWORD is not set: set it",
        "7: name: the environment variable TOWN is not set: set it",
        "7: name: the environment variable STREET is not set: set it",
    ]


def test_a_doubled_dollar_is_no_variable(load: Load) -> None:
    assert load(SMALLEST + "name: $${TOWN}\n").name == "${TOWN}"


def test_a_variable_that_cannot_be_one_is_a_problem(problems: Problems) -> None:
    (problem,) = problems(SMALLEST + "name: ${a-b}\n")
    assert "must hold the name of an environment variable" in problem


# --- secrets


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    """The smallest configuration with its password in a file."""
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return SMALLEST.replace("admin_password: ${LDAP_PASSWORD}", "admin_password_file: password")


def test_a_secret_file_lies_beside_the_configuration_and_loses_one_line_end(load: Load, tmp_path: Path) -> None:
    settings = load(secret_file(tmp_path, b" pass word \n"))
    assert settings.connection.admin_password.get_secret_value() == " pass word "


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_secret_file_that_others_may_use_is_refused(problems: Problems, tmp_path: Path, mode: int) -> None:
    (problem,) = problems(secret_file(tmp_path, b"secret", mode))
    assert problem.startswith("4: connection.admin_password_file: ")
    assert problem.endswith(f"chmod 600 {tmp_path / 'password'}")


@pytest.mark.parametrize(("content", "words"), [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "is not UTF-8 text")])
def test_a_secret_file_without_a_secret_is_refused(
    problems: Problems, tmp_path: Path, content: bytes, words: str
) -> None:
    (problem,) = problems(secret_file(tmp_path, content))
    assert words in problem


def test_a_missing_secret_file_is_one_problem(problems: Problems, tmp_path: Path) -> None:
    text = secret_file(tmp_path, b"x")
    (tmp_path / "password").unlink()
    (problem,) = problems(text)
    assert problem == (
        f"4: connection.admin_password_file: {tmp_path / 'password'} does not exist: create it, with mode 600"
    )


def test_a_literal_password_is_refused_and_not_repeated(problems: Problems) -> None:
    (problem,) = problems(SMALLEST.replace("${LDAP_PASSWORD}", "hunter2"))
    assert problem.startswith("4: connection.admin_password: must not be written out")
    assert "hunter2" not in problem


def test_a_password_that_is_only_partly_a_variable_is_a_literal(problems: Problems) -> None:
    (problem,) = problems(SMALLEST.replace("${LDAP_PASSWORD}", "x${LDAP_PASSWORD}"))
    assert "must not be written out" in problem


def test_two_places_for_one_secret_are_refused(problems: Problems, tmp_path: Path) -> None:
    text = secret_file(tmp_path, b"x").replace("sync:", "  admin_password: ${LDAP_PASSWORD}\nsync:")
    assert problems(text) == ["5: connection.admin_password: does not go with admin_password_file: keep one of them"]


def test_no_password_at_all_names_both_ways(problems: Problems) -> None:
    (problem,) = problems(SMALLEST.replace("  admin_password: ${LDAP_PASSWORD}\n", ""))
    assert problem == (
        "1: connection.admin_password: is missing: give admin_password_file, or admin_password: ${ENV_NAME}"
    )


def test_secrets_are_not_in_the_repr(load: Load) -> None:
    settings = load(
        SMALLEST + "kafka: {client: {sasl.password: '${KAFKA}'}}\n", {**ENVIRONMENT, "KAFKA": "s3cret-of-kafka"}
    )
    assert "s3cret" not in repr(settings)


def test_a_literal_kafka_password_is_refused(problems: Problems) -> None:
    (problem,) = problems(SMALLEST + "kafka: {client: {sasl.password: hunter2}}\n")
    assert problem.startswith("7: kafka.client.sasl.password: must not be written out")
    assert "hunter2" not in problem


def test_the_token_file_is_read_only_where_authentication_is_enabled(load: Load, problems: Problems) -> None:
    load(SMALLEST + "authentication: {enabled: false, token_file: none}\n")
    (problem,) = problems(SMALLEST + "authentication: {enabled: true, token_file: none}\n")
    assert "authentication.token_file" in problem


def test_enabled_authentication_needs_a_token(problems: Problems) -> None:
    (problem,) = problems(SMALLEST + "authentication: {enabled: true}\n")
    assert problem.startswith("7: authentication.token: is missing")


# --- single settings


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


# --- mappings

MAPPING = SMALLEST + "users:\n  rdn: uid\n  mapping:\n    - {attribute: uid, field: user.username}\n    - "


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{attribute: cn}", "users.mapping[1]: exactly one of field, constant and expression is needed"),
        ("{attribute: cn, field: user.a, expression: user.a}", "users.mapping[1]: exactly one of"),
        ("{attribute: userPassword, constant: x}", "users.mapping[1]: userPassword cannot be mapped"),
        ("{attribute: UserPassword;x-a, constant: x}", "users.mapping[1]: UserPassword;x-a cannot be mapped"),
        ("{attribute: cn, field: user.password}", "users.mapping[1]: line 1, column 6: 'password' is a secret"),
        ("{attribute: cn, field: organization.name}", "users.mapping[1]: line 1, column 1: there is no 'organization'"),
        ("{attribute: cn, field: username}", "users.mapping[1]: 'username' is not a field"),
        ("{attribute: cn, expression: 'Append(user.a,'}", "users.mapping[1]: line 1, column 15: "),
        ("{attribute: UID, constant: x}", "users.mapping[1]: UID has a row already"),
        ("{attribute: userid, constant: x}", "users.mapping[1]: userid has a row already"),
        ("{attribute: cn, constant: x, on: update}", "users.mapping[1].on: must be 'create'"),
        ("{attribute: cn, constant: {a: b}}", "users.mapping[1].constant: must be text, a number"),
        ("{attribute: cn, constant: [{a: b}]}", "users.mapping[1].constant: must be text, a number"),
        ("{attribute: cn, constant: x, on: create, identifier: true}", "users.mapping[1]: an identifier is written"),
        ("{attribut: cn, constant: x}", "users.mapping[1].attribut: unknown key: did you mean attribute?"),
        ("cn", "users.mapping[1]: must be a section"),
    ],
)
def test_a_wrong_row_is_told_at_its_line(problems: Problems, row: str, words: str) -> None:
    (problem,) = problems(MAPPING + row)
    assert problem.startswith(f"11: {words}")


def test_an_expression_over_several_lines_has_the_line_of_its_row_and_its_own(problems: Problems) -> None:
    """And is reported although another row, before it, is wrong in its form."""
    text = (
        MAPPING.replace("field: user.username", "feld: user.username")
        + """attribute: cn
      expression: |
        Append(
          user.a, Nope(user.b))
    - {attribute: sn, field: user.password}
"""
    )
    first, second, third = problems(text)
    assert first.startswith("10: users.mapping[0].feld: unknown key")
    assert re.match(r"11: users\.mapping\[1\]: line 2, column 11: .*Nope", second)
    assert third.startswith("15: users.mapping[2]: line 1, column 6: ")


def test_the_default_mappings_compile(load: Load) -> None:
    settings = load(SMALLEST)
    assert compile_mapping(settings.users.rows, "user").identifier == "uid"
    assert len(compile_mapping(settings.organizations.rows, "organization").rows) == 2


def test_a_row_that_names_entries_is_written_always(problems: Problems) -> None:
    (problem,) = problems(
        MAPPING.replace("user.username}", "user.username, on: create}") + "{attribute: cn, constant: x}"
    )
    assert problem.startswith("8: users.rdn: uid needs a row in the mapping that is written always")


def test_two_identifiers_are_refused(problems: Problems) -> None:
    text = MAPPING.replace("user.username}", "user.username, identifier: true}")
    (problem,) = problems(text + "{attribute: mail, field: user.email, identifier: true}")
    assert problem.startswith("11: users.mapping[1]: uid is the identifier already")


def test_organizations_have_no_identifier(problems: Problems) -> None:
    row = "{attribute: ou, field: organization.name, identifier: true}"
    (problem,) = problems(f"{SMALLEST}organizations: {{mapping: [{row}]}}\n")
    assert problem.startswith("7: organizations.mapping[0]: identifier is for users only")


def test_a_constant_may_be_a_list(load: Load) -> None:
    settings = load(MAPPING + "{attribute: ou, constant: [a, b]}")
    assert settings.users.mapping[1].constant == ("a", "b")
