"""What a configuration takes from the environment and from files: variables and secrets."""

from pathlib import Path

import pytest

from tests.support.configuration import ENVIRONMENT, SMALLEST, Load, Problems, load, problems

__all__ = ["load", "problems"]  # fixtures


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


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    """The smallest configuration with its password in a file."""
    path = folder / "password"
    path.write_bytes(content)
    path.chmod(mode)
    return SMALLEST.replace("admin_password: ${LDAP_PASSWORD}", "admin_password_file: password")


def test_a_secret_file_lies_beside_the_configuration_and_loses_one_line_end(load: Load, tmp_path: Path) -> None:
    settings = load(secret_file(tmp_path, b" pass word \n"))
    assert settings.connection.admin_password.get_secret_value() == " pass word "


def test_a_secret_of_the_environment_loses_one_line_end_too(load: Load) -> None:
    """Kubernetes makes variables of files as they are."""
    text = SMALLEST + "kafka: {client: {sasl.password: '${KAFKA}'}}\n"
    settings = load(text, {"LDAP_PASSWORD": " pass word \n", "KAFKA": "x\r\n"})
    assert settings.connection.admin_password.get_secret_value() == " pass word "
    assert settings.kafka.client["sasl.password"] == "x"


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


def test_a_secret_file_named_by_a_missing_variable_is_one_problem(problems: Problems, tmp_path: Path) -> None:
    """What would be read instead is the folder of the configuration."""
    text = secret_file(tmp_path, b"x").replace("_file: password", "_file: ${SECRETS}")
    assert problems(text) == ["4: connection.admin_password_file: the environment variable SECRETS is not set: set it"]


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


def test_the_token_file_is_read_only_where_authentication_is_enabled(load: Load, problems: Problems) -> None:
    load(SMALLEST + "authentication: {enabled: false, token_file: none}\n")
    (problem,) = problems(SMALLEST + "authentication: {enabled: true, token_file: none}\n")
    assert "authentication.token_file" in problem


def test_enabled_authentication_needs_a_token(problems: Problems) -> None:
    (problem,) = problems(SMALLEST + "authentication: {enabled: true}\n")
    assert problem.startswith("7: authentication.token: is missing")
