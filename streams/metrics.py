"""Every metric with its meaning (contract section 7).

Labels come from fixed sets: never a DN, a login or a message. Sets that are known here are shown from the start with 0,
so that a graph or an alert finds them before the first case.

Every process shows all of them, also what it never measures: queries must take the sum or the greatest of all
processes, never one of them. What is here, `docs/operations.md` explains to operators; the panels of `deploy/grafana`
and the alerts of `deploy/prometheus` use it.
"""

from enum import StrEnum
from itertools import product
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from schemas.errors import DeadLetterReason
from schemas.events import Kind
from schemas.halt_reasons import HaltReason
from schemas.jobs import Action, EntryState

_LATENCY_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_OPERATION_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PasswordResult(StrEnum):
    """What became of a password: the label `result`."""

    APPLIED = "applied"
    REFUSED = "refused"
    LOST = "lost"
    DROPPED = "dropped"  # passwords are not synchronized


class Outcome(StrEnum):
    """What became of an event: the label `outcome`."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STALE = "stale"
    OUT_OF_SCOPE = "out_of_scope"
    WAITING = "waiting"
    HELD = "held"
    PENDING = "pending"
    DEAD_LETTERED = "dead_lettered"
    SUPERSEDED = "superseded"
    TEST = "test"


_KINDS: Final = tuple(Kind)
_HALTS: Final = (*HaltReason, "brake")


class Metrics:
    """The metrics of one process, in a registry of their own.

    Attributes:
        registry: what `/metrics` shows.
    """

    def __init__(self, name: str = "", version: str = "") -> None:
        # Otherwise every counter is a second time series, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client gives it no types
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("ldapflow", "The display name and the version.", registry=self.registry).info(
            {"name": name, "version": version}
        )

        self.events: Final = self._counter("events", "Events, by what became of them.", "kind", "outcome")
        self.event_latency: Final = Histogram(
            "ldapflow_event_latency_seconds",
            "From the record's Kafka timestamp until LDAP is done.",
            buckets=_LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.directory_operations: Final = self._counter(
            "directory_operations", "Operations on LDAP, by their result.", "operation", "result"
        )
        self.directory_operation_time: Final = Histogram(
            "ldapflow_directory_operation_seconds",
            "How long LDAP took for an operation.",
            ("operation",),
            buckets=_OPERATION_BUCKETS,
            registry=self.registry,
        )
        self.directory_up: Final = self._gauge("directory_up", "1 while the directory answers, else 0.")
        self.halted: Final = self._gauge("halted", "1 while all writing stops for this reason, else 0.", "reason")
        self.consumer_lag: Final = self._gauge(
            "consumer_lag", "Messages of an input partition that are not done yet.", "topic", "partition"
        )
        self.retries: Final = self._counter("retries", "Attempts that have to be repeated.", "reason")
        self.dead_letters: Final = self._counter("dead_letters", "Events that can never succeed.", "reason")
        self.deletions_held: Final = self._gauge("deletions_held", "Deletions that wait for a person.", "kind")
        self.waiting: Final = self._gauge("waiting", "Entities that wait for something.", "kind", "reason")
        self.passwords: Final = self._counter("passwords", "Passwords, by what became of them.", "result")
        self.rereads: Final = self._counter(
            "rereads", "Partitions that were read again from their watermark.", "reason"
        )
        self.duplicate_partitions: Final = self._gauge(
            "duplicate_partitions",
            "Ids with states in more than one partition; above 0, a producer hashes differently.",
        )
        self.resync_needed: Final = self._gauge(
            "resync_needed", "1 after topics were made anew, until a full push is complete."
        )
        self.verification_entries: Final = self._gauge(
            "verification_entries", "What the last verification found.", "kind", "state"
        )
        self.verification_corrections: Final = self._counter(
            "verification_corrections", "What verifications corrected.", "kind", "action"
        )
        self.verification_duration: Final = self._gauge(
            "verification_duration_seconds", "How long the last verification took."
        )
        self.verification_last_success: Final = self._gauge(
            "verification_last_success_timestamp_seconds", "When the last successful verification ended (Unix time)."
        )
        self.authentications: Final = self._counter("authentications", "Tries to log on.", "result")
        self._show_from_the_start()

    def exposition(self) -> bytes:
        """All of them in the text format of Prometheus."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"ldapflow_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"ldapflow_{name}", meaning, labels, registry=self.registry)

    def _show_from_the_start(self) -> None:
        known: tuple[tuple[Counter | Gauge, tuple[tuple[str, ...], ...]], ...] = (
            (self.events, (_KINDS, tuple(Outcome))),
            (self.halted, (_HALTS,)),
            (self.dead_letters, (tuple(DeadLetterReason),)),
            (self.deletions_held, (_KINDS,)),
            (self.passwords, (tuple(PasswordResult),)),
            (self.verification_entries, (_KINDS, tuple(EntryState))),
            (self.verification_corrections, (_KINDS, tuple(Action))),
        )
        for metric, label_sets in known:
            for values in product(*label_sets):
                metric.labels(*values)
