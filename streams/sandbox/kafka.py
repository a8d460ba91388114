"""Apache Kafka as one process (KRaft, broker and controller in one) with a folder of its own."""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented there, but not marked as exported
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from schemas.errors import CommandFailed
from streams.sandbox.fetch import kafka_jars
from streams.sandbox.processes import LOOPBACK, Child, free_port, wait_for_port, wait_until
from streams.sandbox.server import Server

__all__ = ["Kafka", "KafkaTls"]

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
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL,MUTUAL:SSL"
    ),
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
_SCRAM_ITERATIONS = 4096  # the fewest that Kafka takes


@dataclass(frozen=True, slots=True)
class KafkaTls:
    """PEM files of a broker: its key (PKCS #8) with its certificate, and the authority of its clients."""

    keystore: Path
    truststore: Path


class Kafka(Server):
    """A broker on `bootstrap_servers` that forgets everything at the end of its `with` block.

    The first start on a machine fetches Kafka's jars (see `streams.sandbox.fetch`).

    Args:
        properties: of the broker, over the sandbox's own.
        advertised_port: opens a second listener on `proxied_port`, whose clients are told to come back to this port:
            that of a proxy in front of it.
        tls: opens two listeners more, on `localhost`: `login_port` (SASL_SSL, for who was made by `add_user`) and
            `mutual_port` (SSL, for clients with a certificate).
        parent: where its folder is made (see `Server`).
    """

    def __init__(
        self,
        properties: Mapping[str, str] | None = None,
        *,
        advertised_port: int | None = None,
        tls: KafkaTls | None = None,
        parent: Path | None = None,
    ) -> None:
        super().__init__("kafka", parent)
        self.proxied_port, self.login_port, self.mutual_port = free_port(), free_port(), free_port()
        self._server_properties = self.folder / "server.properties"
        self._properties = {
            **_PROPERTIES,
            **self._listeners(advertised_port, secured=tls is not None),
            **({} if tls is None else _secured(tls)),
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

    def add_user(self, name: str, password: str) -> None:
        """Makes a user for SASL with SCRAM-SHA-512; by the protocol, since arguments of a program can be seen."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        user = UserScramCredentialUpsertion(
            name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _SCRAM_ITERATIONS), password.encode()
        )
        admin.alter_user_scram_credentials([user])[name].result(timeout=10)

    def _listeners(self, advertised_port: int | None, *, secured: bool) -> dict[str, str]:
        controller_port = free_port()
        secure = {"LOGIN": self.login_port, "MUTUAL": self.mutual_port} if secured else {}
        listening = {"PLAINTEXT": self.port, "CONTROLLER": controller_port}
        advertised = {"PLAINTEXT": self.port}
        if advertised_port is not None:
            listening["PROXIED"] = self.proxied_port
            advertised["PROXIED"] = advertised_port
        return {
            "listeners": _addresses(listening, secure),
            "advertised.listeners": _addresses(advertised, secure),
            "controller.quorum.voters": f"1@{LOOPBACK}:{controller_port}",
        }

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


def _secured(tls: KafkaTls) -> dict[str, str]:
    login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(tls.keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(tls.truststore),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.login.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.login.scram-sha-512.sasl.jaas.config": login,
    }


def _addresses(ports: Mapping[str, int], secured: Mapping[str, int]) -> str:
    places = [f"{name}://{LOOPBACK}:{port}" for name, port in ports.items()]
    # By name: a certificate for a name is what clients have to check.
    return ",".join([*places, *(f"{name}://localhost:{port}" for name, port in secured.items())])


def _knows_a_broker(admin: AdminClient) -> bool:
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
