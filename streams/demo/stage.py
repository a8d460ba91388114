"""What the demo runs on: Kafka, slapd and a worker in one temporary folder, with their configuration."""

import asyncio
import http.client
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Final, Self

from prometheus_client.parser import text_string_to_metric_families

from ldap_sink.reading import read_target
from ldap_sink.session import read_entry_uuid
from schemas.dn import PreparedDN
from schemas.entries import FoundEntry
from schemas.errors import CommandFailed
from streams.interruption import Interruption
from streams.kafka import Verdict, create_topics, publish_all
from streams.publishing import Router
from streams.sandbox.fetch import kafka_jars
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import LOOPBACK, Child, free_port
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings, load_settings
from streams.settings.directory import directory_settings
from streams.settings.editing import replace_file, set_scalar

_START_SECONDS: Final = 60
_STOP_SECONDS: Final = 5
_HTTP_SECONDS: Final = 5
_POLL_SECONDS: Final = 0.05
_CONFIGURATION: Final = """\
name: demo
kafka:
  bootstrap_servers: {kafka}
  account_partitions: 4
connection:
  server: {slapd}
  admin_dn: {admin}
  admin_password_file: {password_file}
sync:
  target_dn: {target}
metrics: {{listen: "{metrics}"}}
log_format: text
"""


class Stage:
    """The servers and the worker of one demo; use it as `with`: nothing of it is left afterwards.

    Attributes:
        folder: holds everything, also the servers' own folders.
        config: the configuration file.
        password_file: the LDAP administrator's, without a line end, as `ldapsearch -y` wants it.
        worker_log: what the worker says.
    """

    def __init__(self, interruption: Interruption) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ldapflow-demo-"))
        self.config = self.folder / "ldapflow.yaml"
        self.password_file = self.folder / "ldap-password"
        self.worker_log = self.folder / "worker.log"
        self.slapd = Slapd(SlapdOptions(policy={}), parent=self.folder)
        self.kafka = Kafka(parent=self.folder)
        self._metrics_port = free_port()
        self._interruption = interruption
        self._threads = ThreadPoolExecutor(thread_name_prefix="demo")
        self._starts: list[Future[None]] = []
        self._worker: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End everything and remove the folder."""
        while not all(start.done() for start in self._starts):
            # A server that is only half started ends as soon as there is a process to end.
            self.kafka.kill()
            self.slapd.kill()
            wait(self._starts, timeout=_POLL_SECONDS)
        self._threads.shutdown()
        if self._worker is not None:
            self._worker.terminate(_STOP_SECONDS)
        self.kafka.close()
        self.slapd.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_slapd(self) -> None:
        """Start the directory.

        Raises:
            CommandFailed: it is not installed, or does not come up.
        """
        self._start(self.slapd.start)

    def start_kafka(self) -> None:
        """Start the broker; the first time on a machine its jars are fetched.

        Raises:
            CommandFailed: Java or the jars are missing, or it does not come up.
        """
        with self._interruption.at_once():
            kafka_jars()
        self._start(self.kafka.start)

    def write_configuration(self) -> None:
        """Write the configuration file, and the password beside it."""
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.slapd.admin_password, encoding="utf-8")
        text = _CONFIGURATION.format(
            kafka=self.kafka.bootstrap_servers,
            slapd=self.slapd.uri,
            admin=self.slapd.admin_dn,
            password_file=self.password_file.name,
            target=self.slapd.target_dn,
            metrics=f"{LOOPBACK}:{self._metrics_port}",
        )
        self.config.write_text(text, encoding="utf-8")

    @property
    def settings(self) -> Settings:
        """What the configuration file says now."""
        return load_settings(self.config, {})

    def pin(self) -> str:
        """Record the target's entryUUID in the configuration, as `ldapflow pin` does; returns it."""
        settings = self.settings
        found = asyncio.run(read_entry_uuid(directory_settings(settings), settings.sync.target_dn))
        if found is None:
            raise CommandFailed(f"slapd has no {settings.sync.target_dn}")
        text = self.config.read_text(encoding="utf-8")
        replace_file(self.config, set_scalar(text, "sync", "target_entry_uuid", found, after="target_dn"))
        return found

    def create_topics(self) -> int:
        """Create the topics, as `ldapflow topics create` does; returns how many there are."""
        reports = create_topics(self.settings)
        wrong = [str(report) for report in reports if report.verdict is Verdict.WRONG]
        if wrong:
            raise CommandFailed("; ".join(wrong))
        return len(reports)

    def start_worker(self) -> None:
        """Start `ldapflow worker` and wait until it is ready.

        Raises:
            CommandFailed: it ends, or is not ready in time.
        """
        scratch = self.folder / "worker"
        scratch.mkdir()
        self._worker = Child(
            [sys.executable, "-m", "streams.cli.main", "--config", str(self.config), "worker"],
            log=self.worker_log,
            environment={"TMPDIR": str(scratch)},
        )
        self._interruption.wait_until(
            lambda: self._worker_answers("/readyz") is not None, _START_SECONDS, lambda: "the worker is not ready"
        )

    def publish(self, lines: Iterable[bytes]) -> int:
        """Publish events, as `ldapflow publish` does; returns how many."""
        settings = self.settings
        router = Router(settings.topics, settings.max_event_bytes, time.time_ns() // 1_000_000)
        messages = (router.route(line)[1] for line in lines)
        return publish_all(settings, messages, lambda _: self._interruption.check())

    def entries(self) -> Mapping[PreparedDN, FoundEntry]:
        """Everything below the target, as the directory has it now."""
        return {entry.dn.prepared(): entry for entry in asyncio.run(self._read())}

    def events_counted(self, outcome: str) -> int:
        """How many events came to this outcome, as the worker counts them."""
        families = text_string_to_metric_families(self._worker_answers("/metrics") or "")
        samples = (sample for family in families for sample in family.samples)
        return int(
            sum(
                sample.value
                for sample in samples
                if sample.name == "ldapflow_events_total" and sample.labels["outcome"] == outcome
            )
        )

    def check_health(self) -> None:
        """Make sure that everything still runs.

        Raises:
            CommandFailed: names what does not.
        """
        if self._worker is not None and not self._worker.running:
            raise CommandFailed(f"the worker has ended: {self._worker.last_words()}")
        for name, server in (("Kafka", self.kafka), ("slapd", self.slapd)):
            if not server.running:
                raise CommandFailed(f"{name} has ended")

    async def _read(self) -> list[FoundEntry]:
        pages = read_target(directory_settings(self.settings), ("displayName",))
        return [entry async for page in pages for entry in page]

    def _start(self, start: Callable[[], None]) -> None:
        # In another thread, so that Ctrl-C need not wait until a server is up or given up.
        future = self._threads.submit(start)
        self._starts.append(future)
        self._interruption.result(future)

    def _worker_answers(self, path: str) -> str | None:
        """The body of a page of the worker; None unless it is there with status 200."""
        self.check_health()
        connection = http.client.HTTPConnection(LOOPBACK, self._metrics_port, timeout=_HTTP_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return body if response.status == http.HTTPStatus.OK else None
