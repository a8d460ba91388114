"""What the writer of a configuration is told: everything that is wrong, at once, each at its place."""

import re
from pathlib import Path

import pytest

from schemas.dn import DN
from schemas.errors import ConfigurationError
from streams.settings import DisabledAccounts, ListenAddress, ServerAddress, load_settings
from tests.support.configuration import SMALLEST, Load, Problems, load, problems, with_connection

__all__ = ["load", "problems"]  # fixtures


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
    settings = load(with_connection(f"start_tls: true\n  certificate_fingerprints: ['SHA256:{octets.lower()}']"))
    assert settings.sync.target_dn == DN.parse("ou=company,dc=example,dc=com")
    assert settings.connection.server == ServerAddress("ldap.example.com", 389, tls=False)
    assert settings.connection.certificate_fingerprints == (f"sha256:{octets}",)


def test_an_alias_within_itself_is_a_problem(problems: Problems) -> None:
    """And no endless loop."""
    assert "10: endpoints.a.b: this alias contains itself: write the value out" in problems(
        SMALLEST + "name: x\nendpoints:\n  a: &a\n    b: *a\n"
    )


def test_a_syntax_error_is_one_line_with_its_position(problems: Problems) -> None:
    (problem,) = problems("kafka:\n  client: {a: 1\nsync: x\n")
    assert re.match(r"3:\d+: not valid YAML: ", problem)
    assert "\n" not in problem


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
