"""docker-compose.yml: its form, and what its services do, with their very commands, but without containers."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import LOOPBACK, free_port, wait_until
from tests.support.compose import ROOT, Installation, read_compose

_EVENTS = """\
{"eventType": "ud:organizational_unit:create", "bizData": {"organizationalUnitId": "ou_rd", \
"organizationalUnitName": "R&D", "parentId": "ou_root"}}
{"eventType": "ud:user:create", "bizData": {"userId": "u1", "username": "mei", "displayName": "Mei", \
"organizationalUnits": [{"organizationalUnitId": "ou_rd"}]}}
"""
# Where the sandbox keeps its data, and options of the JVM, are its own affair.
_NOT_OURS = {"KAFKA_LOG_DIRS", "KAFKA_HEAP_OPTS"}


def _broker(stack: ExitStack) -> Kafka:
    """A broker with the settings of the service `kafka`."""
    inside, outside, controller = (str(free_port()) for _ in range(3))
    ports = {":9092": f":{inside}", ":29092": f":{outside}", ":9093": f":{controller}"}
    properties = {}
    for name, value in read_compose()["services"]["kafka"]["environment"].items():
        text = value.replace("://:", f"://{LOOPBACK}:").replace("kafka:", f"{LOOPBACK}:")
        for there, here in ports.items():
            text = text.replace(there, here)
        if name not in _NOT_OURS:
            properties[name.removeprefix("KAFKA_").lower().replace("_", ".")] = text
    broker = Kafka(properties)
    broker.port = int(inside)
    return stack.enter_context(broker)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everything of docker-compose.yml that is ours, after `up`."""
    with ExitStack() as stack:
        kafka = _broker(stack)
        ldaps = f"{LOOPBACK}:{free_port()}"
        places = {
            "kafka:9092": kafka.bootstrap_servers,
            "openldap:1636": ldaps,
            "ldaps://:1636": f"ldaps://{ldaps}",
            "0.0.0.0:8081": f"{LOOPBACK}:{free_port()}",
            "0.0.0.0:9108": f"{LOOPBACK}:9108",
            "/opt/openldap": str(ROOT / "deploy/compose/openldap"),
        }
        running = stack.enter_context(Installation(tmp_path_factory.mktemp("compose"), places))
        running.up()
        yield running


def test_the_form() -> None:
    """It is what the compose specification asks for."""
    validator = str(Path(sys.executable).with_name("check-jsonschema"))
    command = [validator, "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - of this environment
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_service_comes_up(installation: Installation) -> None:
    """Two workers, the verifier and auth: the health check succeeds, and each has found Kafka and the directory."""
    names = sorted(instance.name.partition("-")[0] for instance in installation.instances)
    assert names == ["auth", "openldap", "verifier", "worker", "worker"]
    for instance in installation.instances:
        instance.wait_until_healthy()
        wait_until(instance.is_ready, f"{instance.name} to be ready", child=instance.child, timeout_seconds=60)


def test_an_event_reaches_the_directory(installation: Installation) -> None:
    """What is published with a service's image stands in the directory, as its own administrator sees it."""
    installation.run("worker", ("publish",), _EVENTS)
    (directory,) = (instance for instance in installation.instances if instance.name.startswith("openldap"))
    uri = f"ldapi://{str(installation.volume('tmpfs-openldap') / 'ldapi').replace('/', '%2F')}"
    entry = "uid=mei,ou=R&D,ou=company,dc=example,dc=com"
    look = ["ldapsearch", "-Q", "-Y", "EXTERNAL", "-H", uri, "-b", entry, "-s", "base"]
    wait_until(lambda: directory.ask(look), entry, child=directory.child)


def test_another_up_changes_nothing(installation: Installation) -> None:
    """Secrets stay, and so does what was recorded of the directory at the first start."""
    files = [
        installation.volume("secrets") / "ldap-password",
        installation.volume("secrets") / "auth-token",
        installation.volume("configuration") / "ldapflow.yaml",
    ]
    before = [file.read_text() for file in files]
    for job in ("secrets", "configuration", "topics"):
        installation.run(job)
    assert [file.read_text() for file in files] == before
    assert "sha256:" in before[-1]
    assert "target_entry_uuid: null" not in before[-1]


def test_what_is_said_is_not_recorded(tmp_path: Path) -> None:
    """A configuration that names certificate and entryUUID itself is laid as it is; no directory is asked."""
    given, laid = tmp_path / "given.yaml", tmp_path / "ldapflow.yaml"
    given.write_text("connection:\n  certificate_fingerprints: [sha256:AB]\nsync:\n  target_entry_uuid: u1\n")
    laid.write_text("connection:\n  certificate_fingerprints: [sha256:CD]\nsync:\n  target_entry_uuid: u2\n")
    script = str(ROOT / "deploy/compose/configure")
    environment = {"LDAPFLOW_CONFIG": str(laid), "PATH": "/usr/bin:/bin"}  # no ldapflow there
    subprocess.run(["/bin/sh", script, str(given)], env=environment, check=True)  # noqa: S603 - our own script
    assert laid.read_text() == given.read_text()
