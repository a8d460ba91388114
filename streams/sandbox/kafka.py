"""Apache Kafka as one process (KRaft, broker and controller in one) with a folder of its own."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.errors import CommandFailed
from streams.sandbox.fetch import kafka_jars
from streams.sandbox.processes import LOOPBACK, Child, free_port, wait_for_port, wait_until
from streams.sandbox.server import Server

__all__ = ["Kafka"]

_LOG4J = Path(__file__).with_name("kafka-log4j2.properties")
_JAVA_PACKAGE = "sudo apt-get install default-jre-headless"
_JVM = (
    # A broker of a test lives for seconds: what makes it start fast matters, peak speed does not.
    *("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto", "-XX:-UsePerfData"),
    f"-Dlog4j2.configurationFile={_LOG4J}",
)
_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # A mistyped topic must be an error, not a new topic.
    "auto.create.topics.enable": "false",
    # One broker, one copy.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.num.partitions": "5",
    # Tests of rebalances want members that are missed soon.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # After SIGKILL a broker waits until its former self is given up.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    # Defaults are for big machines: 128 MiB for the cleaner alone.
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.backoff.ms": "1000",
    "num.io.threads": "4",
}


class Kafka(Server):
    """A broker on `bootstrap_servers` that forgets everything at the end of its `with` block.

    The first start on a machine fetches Kafka's jars (see `streams.sandbox.fetch`).

    Args:
        properties: of the broker, over the sandbox's own.
        advertised_port: opens a second listener on `proxied_port`, whose clients are told to come back to this port:
            that of a proxy in front of it.
        parent: where its folder is made (see `Server`).
    """

    def __init__(
        self,
        properties: Mapping[str, str] | None = None,
        *,
        advertised_port: int | None = None,
        parent: Path | None = None,
    ) -> None:
        super().__init__("kafka", parent)
        self.proxied_port = free_port()
        self._server_properties = self.folder / "server.properties"
        self._properties = {
            **_PROPERTIES,
            **_listeners(self.port, free_port(), self.proxied_port, advertised_port),
            "log.dirs": str(self._data),
            **(properties or {}),
        }

    @property
    def bootstrap_servers(self) -> str:
        """Its address, as Kafka clients want it."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """See `Server`."""
        java = shutil.which("java")
        if java is None:
            raise CommandFailed(f"Java is not installed: {_JAVA_PACKAGE}")
        command = [java, *_JVM, f"-Djava.io.tmpdir={self.folder}", "-cp", f"{kafka_jars()}/*"]
        if not self._data.exists():
            text = "".join(f"{name}={value}\n" for name, value in self._properties.items())
            self._server_properties.write_text(text, encoding="utf-8")
            self._format(command)
        self._child = Child([*command, "kafka.Kafka", str(self._server_properties)], log=self.log)
        wait_for_port(self.port, child=self._child, timeout_seconds=60)
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        wait_until(lambda: _knows_a_broker(admin), "Kafka", child=self._child, timeout_seconds=60)

    def close(self) -> None:
        """Ends it, without the order that would save data, and removes its folder."""
        self.kill()
        super().close()

    def _format(self, command: list[str]) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}"]
        done = subprocess.run(  # noqa: S603 - Java, as found in PATH
            [*command, *tool, "--config", str(self._server_properties)], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return
        if "UnsupportedClassVersionError" in done.stderr:
            raise CommandFailed(f"Kafka needs Java 17 or newer: {_JAVA_PACKAGE}")
        raise CommandFailed(f"Kafka's storage could not be formatted: {(done.stdout + done.stderr).strip()[:500]!r}")


def _listeners(port: int, controller_port: int, proxied_port: int, advertised_port: int | None) -> dict[str, str]:
    listening = {"PLAINTEXT": port, "CONTROLLER": controller_port}
    advertised = {"PLAINTEXT": port}
    if advertised_port is not None:
        listening["PROXIED"] = proxied_port
        advertised["PROXIED"] = advertised_port
    return {
        "listeners": _addresses(listening),
        "advertised.listeners": _addresses(advertised),
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
    }


def _addresses(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://{LOOPBACK}:{port}" for name, port in ports.items())


def _knows_a_broker(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
