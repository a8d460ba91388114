"""What the benchmarks of the worker have in common: events of a made-up company, and worker processes."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

import orjson

from benchmarks.company import account, organization
from benchmarks.installation import environment
from schemas.errors import CommandFailed
from schemas.events import TYPE_PREFIX, EventType, Json, Record
from streams.kafka import Message
from streams.sandbox.processes import Child, free_port, wait_until
from streams.settings import Settings

ACCOUNTS_PER_ORGANIZATION: Final = 100
PATIENCE_SECONDS: Final = 300.0


def event(
    settings: Settings, event_type: EventType, record: Record, changes: Mapping[str, Json] | None = None
) -> Message:
    """What the identity service would send of a record now: `bizData` is a text, as it comes from there.

    Args:
        settings: which topics there are.
        event_type: with a whole record.
        record: of the company.
        changes: of its fields.
    """
    now = round(time.time() * 1000)
    fields = {**record.fields, **(changes or {}), "updateTime": now}
    value = {
        "eventId": f"evnt_{record.id}_{now}",
        "eventType": TYPE_PREFIX + event_type.value,
        "eventTime": str(now),
        "bizId": record.id,
        "bizData": orjson.dumps(fields).decode(),
    }
    topics = settings.topics
    topic = topics.account_events if event_type.value.startswith("ud:user:") else topics.organization_events
    return Message(topic, record.id.encode(), orjson.dumps(value))


def organizations(accounts: int) -> int:
    """How many organizations that many accounts have."""
    return max(1, accounts // ACCOUNTS_PER_ORGANIZATION)


def creations(settings: Settings, accounts: int) -> Iterator[Message]:
    """The company as events: organizations first."""
    units = organizations(accounts)
    for number in range(units):
        yield event(settings, EventType.ORGANIZATION_CREATE, organization(number))
    for number in range(accounts):
        yield event(settings, EventType.ACCOUNT_CREATE, account(number, units))


class Worker:
    """One `ldapflow worker` that logs to a file; used as `with`.

    Args:
        folder: with the configuration.
        name: of its log.
        command: how the program is run.
    """

    def __init__(
        self, folder: Path, name: str, command: tuple[str, ...] = (sys.executable, "-m", "streams.cli.main")
    ) -> None:
        self.log = folder / f"{name}.log"
        self._port = free_port()
        listen = ("--metrics-listen", f"127.0.0.1:{self._port}")
        self.child = Child(
            [*command, *self._config(folder), *listen, "worker"], log=self.log, environment=environment()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.child.terminate()

    def page(self, path: str) -> tuple[int, str]:
        """Status and body of `/metrics` or `/readyz`; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as exc:
            return exc.code, exc.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> dict[str, float]:
        """The series of a metric: value by what stands between the braces."""
        series = (line.rpartition(" ") for line in self.page("metrics")[1].splitlines() if line.startswith(name + "{"))
        return {labels.partition("{")[2].rstrip("}"): float(value) for labels, _, value in series}

    def require_running(self) -> None:
        """Give up when it has ended.

        Raises:
            CommandFailed: with its last words.
        """
        if not self.child.running:
            raise CommandFailed(f"a worker has ended: {self.child.last_words()}")

    @property
    def partitions(self) -> int:
        """How many partitions of the input topics it owns."""
        return len(self.metric("ldapflow_consumer_lag"))

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until the condition holds.

        Raises:
            CommandFailed: it does not, or the worker has ended.
        """
        wait_until(condition, what, child=self.child, timeout_seconds=PATIENCE_SECONDS)

    @staticmethod
    def _config(folder: Path) -> tuple[str, str]:
        return "--config", str(folder / "ldapflow.yaml")
