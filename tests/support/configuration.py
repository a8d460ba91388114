"""Texts of configurations, and what they become, for the tests of the settings."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from schemas.errors import ConfigurationError
from streams.settings import Settings, load_settings

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


def with_connection(line: str) -> str:
    """The smallest configuration with one more line in `connection` (the 5th of the file)."""
    return SMALLEST.replace("sync:", f"  {line}\nsync:")


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
