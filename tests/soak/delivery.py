"""Drives counting workers through joins, ends, kills and freezes while events are produced, and judges the outcome."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.soak.counting_worker import chain

PARTITIONS = 12
KEYS = 500
BUSY_EVENTS = 300  # so that a fault strikes workers that are in the middle of something
FREEZE_SECONDS = 8.0  # longer than the session timeout of 6 s


@dataclass
class Verdict:
    """What came of it; `faults` is empty when nothing was lost."""

    events: int
    rebalances: int
    handled: int
    repeats: int
    skipped: int
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """One line."""
        line = f"{self.events} events, {self.rebalances} rebalances, {self.skipped} skipped, {self.repeats} repeats"
        return "; ".join([line, *self.faults])


class Group:
    """Workers of one consumer group, each a process of its own, and the log that they share.

    Every other one keeps its table in files (`state_store: rocksdb`).
    """

    def __init__(self, bootstrap_servers: str, name: str, folder: Path, *, stock: bool = False) -> None:
        self.input, self.state = f"{name}.in", f"{name}.state"
        self.bootstrap_servers, self.name = bootstrap_servers, name
        self.log = folder / "handled.log"
        self.log.touch()
        self._errors = (folder / "workers.err").open("ab")
        self._stock = stock
        self.workers: list[subprocess.Popen[bytes]] = []
        admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        topics = [
            NewTopic(self.input, PARTITIONS, 1),
            NewTopic(self.state, PARTITIONS, 1, config={"cleanup.policy": "compact"}),
        ]
        for future in admin.create_topics(topics).values():
            future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self._errors.close()

    def join(self) -> "subprocess.Popen[bytes]":
        """Start one more worker."""
        document = {
            "kafka": {
                "bootstrap_servers": self.bootstrap_servers,
                "application_id": self.name,
                "session_timeout_seconds": 6,
                "heartbeat_seconds": 2,
                "rebalance_timeout_seconds": 6,
            },
            "state_store": ("rocksdb", "memory")[len(self.workers) % 2],
            "input": self.input,
            "state": self.state,
            "partitions": PARTITIONS,
            "window": 64,
        }
        command = [sys.executable, "-m", "tests.soak.counting_worker", json.dumps(document), str(self.log)]
        worker = subprocess.Popen(  # noqa: S603 - our own module
            [*command, "--stock"] if self._stock else command,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            cwd=Path(__file__).parents[2],
        )
        self.workers.append(worker)
        return worker

    def lines(self) -> list[list[str]]:
        """The log."""
        return [line.split() for line in self.log.read_text().splitlines()]

    def generation(self) -> int:
        """The newest generation that any worker has seen."""
        return max((int(line[1]) for line in self.lines() if line[0] == "generation"), default=0)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds:.0f} s")
            time.sleep(0.1)

    def after_rebalance(self, act: Callable[[], Any]) -> None:
        """Do something that changes a busy group, and wait until the group has noticed and is busy again."""
        before = self.generation()
        act()
        self.until(lambda: self.generation() > before, "a rebalance")
        handled = len(self.lines())
        with suppress(TimeoutError) if self._stock else nullcontext():  # stock Faust may stand still for good
            self.until(
                lambda: len(self.lines()) > handled + BUSY_EVENTS, "the group at work", 10 if self._stock else 60
            )

    def living(self) -> list["subprocess.Popen[bytes]"]:
        """Workers that run."""
        return [worker for worker in self.workers if worker.poll() is None]

    def end(self, worker: "subprocess.Popen[bytes]", number: int) -> None:
        """Send a signal and wait for the process to end."""
        worker.send_signal(number)
        worker.wait(60)

    def freeze(self, worker: "subprocess.Popen[bytes]") -> None:
        """Stop a worker for longer than its session lasts; it must end by itself with 75 (stock Faust goes on)."""
        worker.send_signal(signal.SIGSTOP)
        time.sleep(FREEZE_SECONDS)  # the fault itself, not a wait for something
        worker.send_signal(signal.SIGCONT)
        if not self._stock:
            worker.wait(30)
            if worker.returncode != 75:
                raise AssertionError(f"a frozen worker ended with {worker.returncode}, not 75")


class Source:
    """Produces numbered events for random keys at a steady rate, in a thread, for as long as its `with` lasts.

    However long the changes of a group take on a busy machine, each of them strikes workers that have something to do.

    Args:
        most: events at most.
    """

    def __init__(self, group: Group, per_second: float, most: int) -> None:
        self.numbers: Counter[str] = Counter()
        self._group, self._per_second, self._most = group, per_second, most
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._produce)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def _produce(self) -> None:
        producer = Producer(
            {
                "bootstrap.servers": self._group.bootstrap_servers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        chooser = random.Random(7)
        start = time.monotonic()
        for index in range(self._most):
            ahead = start + index / self._per_second - time.monotonic()
            if self._enough.wait(ahead) if ahead > 0.02 else self._enough.is_set():  # the rate
                break
            key = f"k{chooser.randrange(KEYS)}"
            self.numbers[key] += 1
            producer.produce(self._group.input, key=key, value=json.dumps({"key": key, "n": self.numbers[key]}))
            producer.poll(0)
        producer.flush()


def ends(consumer: Consumer, topic: str) -> dict[int, int]:
    """The end offset of each partition."""
    return {p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10)[1] for p in range(PARTITIONS)}


def judge(group: Group, source: Source) -> Verdict:
    """Compare what was handled, committed and stored with what was produced."""
    consumer = Consumer({"bootstrap.servers": group.bootstrap_servers, "group.id": group.name, "log_level": 0})
    try:
        log_ends = ends(consumer, group.input)
        lines = [line for line in group.lines() if line[0] != "generation"]
        handled: dict[int, Counter[int]] = defaultdict(Counter)
        for partition, offset, *_ in lines:
            handled[int(partition)][int(offset)] += 1
        skipped = sum(end - len(handled[partition]) for partition, end in log_ends.items())
        verdict = Verdict(
            events=sum(log_ends.values()),
            rebalances=group.generation(),
            handled=len(lines),
            repeats=len(lines) - sum(len(offsets) for offsets in handled.values()),
            skipped=skipped,
        )
        if skipped:
            verdict.faults.append(f"{skipped} events were never handled")
        gaps = sum(line[4] == "GAP" for line in lines)
        if gaps:
            verdict.faults.append(f"{gaps} times an event came before an earlier one of its key")
        if verdict.events != source.numbers.total():
            verdict.faults.append(f"{verdict.events} events in the log, {source.numbers.total()} were produced")
        positions = consumer.committed([TopicPartition(group.input, p) for p in range(PARTITIONS)], timeout=10)
        for position in positions:
            if position.offset != log_ends[position.partition] and log_ends[position.partition]:
                verdict.faults.append(
                    f"partition {position.partition}: committed {position.offset}, end {log_ends[position.partition]}"
                )
        verdict.faults += _wrong_states(group, source)
    finally:
        consumer.close()
    return verdict


def _wrong_states(group: Group, source: Source) -> list[str]:
    stored = snapshot(group)
    faults = []
    for key, count in source.numbers.items():
        digest = ""
        for number in range(1, count + 1):
            digest = chain(digest, number)
        if stored.get(key) != {"n": count, "digest": digest}:
            faults.append(f"state of {key} is {stored.get(key)}, expected {count} events")
    return faults[:5]


def snapshot(group: Group) -> dict[str, Any]:
    """The last state of each key in the changelog."""
    consumer = Consumer(
        {"bootstrap.servers": group.bootstrap_servers, "group.id": f"{group.name}.judge", "log_level": 0}
    )
    try:
        wanted = {p: end for p, end in ends(consumer, group.state).items() if end}
        consumer.assign([TopicPartition(group.state, p, 0) for p in wanted])
        states: dict[str, Any] = {}
        while wanted:
            message = consumer.poll(10)
            if message is None:
                raise TimeoutError("the changelog cannot be read")
            key, value, partition, offset = message.key(), message.value(), message.partition(), message.offset()
            if key is None or value is None or partition is None or offset is None:
                raise TypeError("a state without key or value")
            states[key.decode()] = json.loads(value)
            if offset + 1 >= wanted.get(partition, 0):
                wanted.pop(partition, None)
    finally:
        consumer.close()
    return states


def caught_up(group: Group) -> bool:
    """Whether the group has committed everything."""
    consumer = Consumer({"bootstrap.servers": group.bootstrap_servers, "group.id": group.name, "log_level": 0})
    try:
        log_ends = ends(consumer, group.input)
        positions = consumer.committed([TopicPartition(group.input, p) for p in range(PARTITIONS)], timeout=10)
        return all(max(position.offset, 0) >= log_ends[position.partition] for position in positions)
    finally:
        consumer.close()


def everyday_chaos(group: Group, chooser: random.Random) -> None:
    """One random change of the group, two to four workers living."""
    living = group.living()
    choices: list[Callable[[], Any]] = []
    if len(living) < 4:
        choices.append(group.join)
    if len(living) > 2:
        victim = chooser.choice(living)
        choices += [
            lambda: group.end(victim, signal.SIGTERM),
            lambda: group.end(victim, signal.SIGKILL),
            lambda: group.freeze(victim),
        ]
    group.after_rebalance(chooser.choice(choices))


def errors(folder: Path) -> str:
    """What the workers complained about, for a failing test's message."""
    return (folder / "workers.err").read_text(errors="replace")[-4000:]
