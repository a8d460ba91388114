"""One run of a fault test: events keep coming, something fails, and in the end the whole tree is compared."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import orjson

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from tests.faults.company import busy_company
from tests.faults.steady import SteadyPublisher
from tests.support.flow import Flow, RunningWorker, until
from tests.support.proxy import Proxy

# The machine may be slow and shared; what fails here stands still for ever.
_PATIENCE_SECONDS = 120
_BUSY = 100  # events that were applied before anything fails: the tree is there, and accounts come
NO_GUARD = {"deletion_guard": {"accounts": None, "organizations": None}}


class FaultyRun:
    """Workers behind a proxy, and a company whose events come at a steady rate; used as `with`.

    Leaving it without an exception proves that every event was applied: the tree equals the source, octet for octet,
    there is no dead letter, every state is `applied`, no account lost its entry and got another, and no worker ended
    that was not meant to.

    Args:
        events: how many.
        seconds: over which they are spread.
        workers: how many, all through `proxy`.
    """

    def __init__(
        self,
        folder: Path,
        kafka: Kafka,
        slapd: Slapd,
        name: str,
        *,
        events: int,
        seconds: float,
        workers: int = 2,
        **sections: dict[str, Any],
    ) -> None:
        self.kafka, self.slapd = kafka, slapd
        self.proxy = Proxy(slapd.port)
        self.source = busy_company(events, seed=events, people=events // 3)
        sync = {**NO_GUARD, **sections.pop("sync", {})}
        self.flow = Flow(folder, kafka, slapd, name, ldap_port=self.proxy.port, sync=sync, **sections)
        self.gone: set[RunningWorker] = set()
        self._publisher = SteadyPublisher(self.flow, self.source.events, seconds)
        self._stack = ExitStack()
        self._workers = workers

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.proxy)
            stack.enter_context(self.flow)
            for _ in range(self._workers):
                self.flow.worker(wait=False)
            self.all_ready()
            stack.enter_context(self._publisher)
            until(lambda: self._applied() >= _BUSY, "busy workers", _PATIENCE_SECONDS, self._logs)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, exc_type: type[BaseException] | None, *_: object) -> None:
        with self._stack:
            if exc_type is None:
                self._compare()

    @property
    def workers(self) -> list[RunningWorker]:
        """Those that should run."""
        return [worker for worker in self.flow.workers if worker not in self.gone]

    # -- faults --------------------------------------------------------------------------------------------------------

    def lasts(self, seconds: float, notices: Callable[[], bool] | None = None) -> None:
        """Keep a fault in force for so long, and at least until it is noticed."""
        began = time.monotonic()
        if notices is not None:
            until(notices, "somebody notices the fault", _PATIENCE_SECONDS, self._logs)
        # Not a wait for something: the length of the fault is what the test is about.
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def leaves(self, worker: RunningWorker) -> None:
        """Stop a worker in good order."""
        self.gone.add(worker)
        assert worker.stop() == 0, worker.log.read_text()[-3000:]

    def dies(self, worker: RunningWorker) -> None:
        """Kill a worker; its supervisor starts another one."""
        self.gone.add(worker)
        worker.kill()
        self.flow.worker(wait=False)

    # -- what is seen of them ------------------------------------------------------------------------------------------

    def none_ready(self, *reasons: str) -> bool:
        """Whether /readyz of every worker says no, for one of these reasons."""
        return all(
            code == 503 and any(f'"{reason}"' in text for reason in reasons)
            for code, text in (worker.get("readyz") for worker in self.workers)
        )

    def all_ready(self) -> None:
        """Wait until /readyz of all workers says yes."""
        until(lambda: all(worker.ready() for worker in self.workers), "ready workers", _PATIENCE_SECONDS, self._logs)

    def goes_on(self) -> None:
        """Wait until events are applied (again), if there are any left."""
        self.all_ready()
        before = self._applied()
        until(
            lambda: self._applied() > before or self._publisher.published_all,
            "events that are applied",
            _PATIENCE_SECONDS,
            self._logs,
        )

    def _applied(self) -> float:
        return sum(worker.metric("ldapflow_events_total", outcome="applied") for worker in self.workers)

    def _logs(self) -> str:
        return "\n".join(self.flow.tails())

    # -- the end -------------------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        until(lambda: self._publisher.published_all, "the end of the events", 600, self._logs)
        self.flow.settle(self.source, _PATIENCE_SECONDS)
        topics = self.flow.settings.topics
        letters = [dict(message.headers() or []) for message in self.flow.messages(topics.dead_letters)]
        assert letters == []
        self.all_ready()
        ended = [worker for worker in self.workers if worker.process.poll() is not None]
        assert ended == [], self._logs()
        for topic in (topics.organization_states, topics.account_states):
            self._compare_states(topic)

    def _compare_states(self, topic: str) -> None:
        entries: dict[bytes | None, set[str]] = {}
        last: dict[bytes | None, str] = {}
        leavers: set[bytes | None] = set()
        for message in self.flow.messages(topic):
            state = orjson.loads(message.value() or b"{}")
            last[message.key()] = state.get("status", "applied")
            if state.get("deletedAt"):
                # Killed between its deletion and the record of it, a leaver may come back for as long as its last
                # events are delivered again.
                leavers.add(message.key())
            if state.get("binding"):
                entries.setdefault(message.key(), set()).add(state["binding"]["entryUUID"])
        assert {key: status for key, status in last.items() if status != "applied"} == {}
        twice = {key: uuids for key, uuids in entries.items() if len(uuids) > 1}
        assert twice.keys() <= leavers, f"accounts that got a second entry: {twice}"
