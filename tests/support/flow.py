"""A whole installation for a test: topics of its own, a target in slapd, worker processes, all of them real."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import orjson
from confluent_kafka import Consumer, Message, TopicPartition

from streams.kafka import Cluster
from streams.kafka import Message as Outgoing
from streams.kafka.publisher import publish_all
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd
from streams.settings import Settings, load_settings
from tests.support.identity_source import Emitted, Entries, IdentitySource, different, found_entries
from tests.support.program import ldapflow, write_configuration

ACCOUNT_PARTITIONS = 6


class RunningWorker:
    """One `ldapflow worker`, or another long-running command; `program` is another module that runs it."""

    def __init__(
        self, configuration: Path, name: str, command: str = "worker", program: str = "streams.cli.main"
    ) -> None:
        folder = configuration.parent
        self.metrics_port = free_port()
        self.log = folder / f"{name}.log"
        self._output = self.log.open("ab")
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [
                *(sys.executable, "-m", program, "--config", str(configuration)),
                *("--metrics-listen", f"127.0.0.1:{self.metrics_port}", command),
            ],
            cwd=folder,
            stdout=self._output,
            stderr=self._output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )

    def ready(self) -> bool:
        """Whether /readyz says so."""
        return self.get("readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The value of a metric, summed over the labels that are not given."""
        total = 0.0
        for line in self.get("metrics")[1].splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(f'{key}="{text}"' in series for key, text in labels.items()):
                total += float(value)
        return total

    def stop(self) -> int:
        """End it in good order."""
        self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def kill(self) -> int:
        """End it with SIGKILL."""
        self.process.kill()
        return self._ended()

    def _ended(self) -> int:
        code = self.process.wait(60)
        self._output.close()
        return code


class Flow:
    """Kafka, slapd, a configuration, workers; used as `with`.

    Args:
        name: prefix of topics and group.
        ldap_port: instead of slapd's own: a proxy's.
        sections: of the configuration.
    """

    def __init__(
        self,
        folder: Path,
        kafka: Kafka,
        slapd: Slapd,
        name: str,
        /,
        *,
        ldap_port: int | None = None,
        **sections: Any,
    ) -> None:
        self.folder, self.kafka, self.slapd, self.name = folder, kafka, slapd, name
        self.workers: list[RunningWorker] = []
        topics = ("idaas.organizations", "idaas.accounts", "ldapflow.organizations", "ldapflow.accounts")
        others = ("ldapflow.dead-letters", "ldapflow.control", "ldapflow.jobs")
        sync = sections.pop("sync", {})
        connection = sections.pop("connection", {})
        if ldap_port is not None:
            connection = {"server": f"ldap://127.0.0.1:{ldap_port}", **connection}
        self.configuration = write_configuration(
            folder,
            slapd=slapd,
            kafka={
                "bootstrap_servers": kafka.bootstrap_servers,
                "application_id": name,
                "account_partitions": ACCOUNT_PARTITIONS,
                "topics": {topic: f"{name}.{topic}" for topic in (*topics, *others)},
                **sections.pop("kafka", {}),
            },
            sync=sync,
            connection=connection,
            **sections,
        )

    def __enter__(self) -> Self:
        for command in (("pin",), ("topics", "create")):
            done = ldapflow(*command, folder=self.folder)
            if done.returncode:
                raise AssertionError(done.stderr)
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()

    @property
    def settings(self) -> Settings:
        """The configuration as the product reads it."""
        return load_settings(self.configuration, os.environ)

    def worker(self, *, wait: bool = True, ldap_port: int | None = None) -> RunningWorker:
        """Start one more worker and wait until it is ready; with `ldap_port`, it alone reaches slapd through that."""
        name, configuration = f"worker-{len(self.workers)}", self.configuration
        if ldap_port is not None:
            text = self.configuration.read_text()
            configuration = self.folder / f"{name}.yaml"
            configuration.write_text(
                text.replace(f'"{self.settings.connection.server}"', f'"ldap://127.0.0.1:{ldap_port}"')
            )
        worker = RunningWorker(configuration, name)
        self.workers.append(worker)
        if wait:
            until(worker.ready, "a worker that is ready", detail=lambda: worker.log.read_text()[-3000:])
        return worker

    def publish(self, events: Iterable[Emitted]) -> None:
        """Write events to Kafka, in their order."""
        topics = self.settings.topics
        messages = [
            Outgoing(
                topics.account_events if event.account else topics.organization_events,
                event.key.encode(),
                orjson.dumps(event.value),
            )
            for event in events
        ]
        publish_all(self.settings, messages, lambda _: None)

    def is_idle(self) -> bool:
        """Whether the group has committed everything that lies on the input topics."""
        topics = self.settings.topics
        with Cluster(self.settings) as cluster:
            ends = cluster.end_offsets((topics.organization_events, topics.account_events))
        consumer = self._consumer(self.name)
        try:
            committed = consumer.committed([TopicPartition(*place) for place in ends], timeout=10)
        finally:
            consumer.close()
        return all(max(place.offset, 0) >= ends[place.topic, place.partition] for place in committed)

    def settle(self, source: IdentitySource, seconds: float = 60) -> Entries:
        """Wait until the directory is what the source holds and nothing is left to do; return the tree."""
        expected = source.expected()
        until(
            lambda: self.is_idle() and found_entries(self.slapd) == expected,
            "the expected tree",
            seconds,
            detail=lambda: "\n".join(different(expected, found_entries(self.slapd)) + self.tails()),
        )
        return expected

    def tails(self) -> list[str]:
        """The last lines of the workers' logs."""
        return [line for worker in self.workers for line in worker.log.read_text().splitlines()[-15:]]

    def messages(self, topic: str) -> list[Message]:
        """Everything that lies on a topic."""
        with Cluster(self.settings) as cluster:
            ends = {place: end for place, end in cluster.end_offsets((topic,)).items() if end}
        consumer = self._consumer(f"{self.name}-reader")
        found: list[Message] = []
        try:
            consumer.assign([TopicPartition(name, partition, 0) for name, partition in ends])
            while ends:
                message = consumer.poll(10)
                if message is None:
                    raise TimeoutError(f"{topic} cannot be read to its end")
                offset = message.offset()
                if message.error() is None:
                    found.append(message)
                place = (topic, message.partition() or 0)
                if offset is not None and place in ends and offset + 1 >= ends[place]:
                    del ends[place]
        finally:
            consumer.close()
        return found

    def states(self, topic: str) -> dict[str, dict[str, Any]]:
        """The last state of each key of a state topic."""
        last: dict[str, dict[str, Any]] = {}
        for message in self.messages(topic):
            key, value = (message.key() or b"").decode(), message.value()
            if value is None:
                last.pop(key, None)
            else:
                last[key] = orjson.loads(value)
        return last

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self.kafka.bootstrap_servers,
                "group.id": group,
                "log_level": 0,
                "enable.auto.commit": False,
            }
        )


def until(
    condition: Callable[[], bool], what: str, seconds: float = 60, detail: Callable[[], str] = lambda: ""
) -> float:
    """Wait for a condition; returns how many seconds it took."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise AssertionError(f"{what}: not within {seconds:.0f} s\n{detail()}")
        time.sleep(0.1)
    return time.monotonic() - start
