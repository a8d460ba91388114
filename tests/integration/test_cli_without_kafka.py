"""What commands say when Kafka is away."""

from pathlib import Path

import pytest

from streams.sandbox.processes import free_port
from tests.support.deciding import TARGET
from tests.support.program import ldapflow, lines, write_configuration


@pytest.mark.parametrize(
    "arguments",
    [("pause",), ("resume",), ("guard", "status"), ("dead-letters", "list"), ("explain", "a1"), ("verify",)],
)
def test_a_silent_kafka_is_one_line(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    servers = f"127.0.0.1:{free_port()}"
    write_configuration(tmp_path, kafka={"bootstrap_servers": servers}, sync={"target_entry_uuid": TARGET})
    done = ldapflow(*arguments, folder=tmp_path)
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith(f"Kafka at {servers} does not answer: start it, or correct kafka.bootstrap_servers")
