"""Where Kafka's jars are looked for."""

from pathlib import Path

import pytest

from streams.sandbox.fetch import jar_folder


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LDAPFLOW_KAFKA_JARS": "/jars", "XDG_CACHE_HOME": "/cache", "HOME": "/home"}, "/jars"),
        ({"XDG_CACHE_HOME": "/cache", "HOME": "/home"}, "/cache/ldapflow/kafka-4.1.1"),
        ({"HOME": "/home"}, "/home/.cache/ldapflow/kafka-4.1.1"),
    ],
)
def test_the_nearest_setting_wins(environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """LDAPFLOW_KAFKA_JARS, then XDG_CACHE_HOME, then ~/.cache."""
    for name in ("LDAPFLOW_KAFKA_JARS", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert jar_folder() == Path(expected)
