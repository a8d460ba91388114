"""What commands say when Kafka is away."""

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from subprocess import CompletedProcess

import pytest

from streams.sandbox.processes import free_port
from tests.support.deciding import TARGET
from tests.support.program import ldapflow, lines, write_configuration

COMMANDS = (
    "pause", "resume", "guard status", "dead-letters list", "explain a1", "verify", "topics create", "publish",
)  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> str:
    """Where nobody answers."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, servers: str) -> Mapping[str, tuple[float, CompletedProcess[str]]]:
    """Each command with the seconds that it took, all run side by side: they do nothing but wait for Kafka."""
    folder = tmp_path_factory.mktemp("silent")
    write_configuration(folder, kafka={"bootstrap_servers": servers}, sync={"target_entry_uuid": TARGET})

    def run(command: str) -> tuple[float, CompletedProcess[str]]:
        began = time.monotonic()
        ended = ldapflow(*command.split(), folder=folder)
        return time.monotonic() - began, ended

    with ThreadPoolExecutor(len(COMMANDS)) as pool:
        return dict(zip(COMMANDS, pool.map(run, COMMANDS), strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_silent_kafka_is_1_and_one_line_soon(
    done: Mapping[str, tuple[float, CompletedProcess[str]]], servers: str, command: str
) -> None:
    """After about 5 s, and whatever the machine does besides, before 20."""
    seconds, ended = done[command]
    (line,) = lines(ended.stderr)
    assert ended.returncode == 1
    assert line == (
        f"Kafka at {servers} does not answer: start it, or correct kafka.bootstrap_servers or security.protocol in"
        " kafka.client"
    )
    assert seconds < 20
