"""Every private method of Faust, mode and aiokafka that the worker overrides or leans on is as it was when tested.

If one of these fails after an upgrade: read the new code, adapt streams/worker, run scripts/soak, then pin it anew.
"""

import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust import App
from faust.app.base import App as BaseApp
from faust.sensors.base import Sensor
from faust.stores import memory
from faust.tables.base import Collection
from faust.tables.recovery import Recovery
from faust.tables.table import Table
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from mode import Service
from mode.utils.queues import FlowControlEvent, FlowControlQueue

from streams.worker.delivery.consumer_thread import ConsumerThread
from streams.worker.delivery.ordered_consumer import OrderedConsumer
from streams.worker.delivery.quick_consumer import QuickConsumer

PINNED = {
    # overridden by OrderedConsumer and QuickConsumer
    Consumer.perform_seek: "0e8c130ff4b0afd8",
    Consumer._add_gap: "4df2573ded7c1c2c",
    Consumer.getmany: "4b168d84882a70d6",
    Consumer.ack: "5fcf41cf45153475",
    Consumer._filter_tps_with_pending_acks: "f6f9239774234e7e",
    Consumer._new_offset: "1d2c7ea89a7ad4f1",
    Consumer._should_commit: "5ce941793947ad42",
    Consumer._commit_offsets: "1a69799041188441",
    Consumer.on_partitions_revoked: "d04b7ae72c6fc206",
    Consumer.on_partitions_assigned: "29ce96596f05a18c",
    Service.wait_first: "feade6a31f8a6789",
    ThreadDelegateConsumer.seek_wait: "e9db5bbc4ceb2543",
    ThreadDelegateConsumer._getmany: "f9d47aa9010b5ff2",
    ThreadDelegateConsumer._commit: "a20eec84e4b2ed50",
    driver.Consumer._new_consumer_thread: "0870ec53dea75083",
    # called or counted on by them
    Consumer._drain_messages: "44a2500309e83c63",
    Consumer._commit_tps: "a20e230b05ae8b15",
    Consumer.wait_empty: "e4662fe24f094819",
    Consumer.pause_partitions: "27a1c94bdacd54de",
    Consumer.resume_partitions: "afe6b7c02a41d63c",
    Consumer.on_buffer_full: "c8961679e0bcdce5",
    Consumer.on_buffer_drop: "4b57e8a418d5ad9c",
    Recovery.on_recovery_completed: "6ef567acf072e46d",
    FlowControlQueue.clear: "fa9a86f6b097c90f",
    # overridden by ConsumerThread
    driver.AIOKafkaConsumerThread.on_start: "38b4e8bd1e10723a",
    driver.AIOKafkaConsumerThread.verify_event_path: "b983e7735f647cb3",
    driver.AIOKafkaConsumerThread._commit: "932852ce7a23f658",
    driver.AIOKafkaConsumerThread._create_consumer: "a4dc6ba0681a298c",
    driver.AIOKafkaConsumerThread._create_worker_consumer: "c2701bfc3e6f6cad",
    AIOKafkaConsumer.start: "2f1ba70443327538",
    driver.AIOKafkaConsumerThread._fetch_records: "39a2c6c79fc1455a",
    Fetcher.fetched_records: "be4348896b9b66af",
    FetchResult.getall: "3e717e30de5068d5",
    GroupCoordinator._do_heartbeat: "dc1d6632aaa68e96",
    GroupCoordinator.fetch_committed_offsets: "6c049c7379165952",
    # overridden or counted on by StateTable, its store, and Recorder
    Table.on_key_del: "4f2900b2f9d24a08",
    memory.Store.apply_changelog_batch: "71863e3cd727aac2",
    memory.Store.on_recovery_completed: "a00bef343e139602",
    memory.Store.persisted_offset: "fbba5c6544979388",
    Collection.on_rebalance: "0812ad692171a8fd",
    Recovery.flush_buffers: "6fa9c17f1071018c",
    Recovery.on_rebalance: "aa4d997a1795ceae",
    Recovery.need_recovery: "fd1dc345b5d5e121",
    Recovery.active_remaining: "0dcc38568ad5018b",
    Recovery._slurp_changelogs.fun: "7825c7e50f766d5a",
    # overridden by WorkerApp and its parts
    BaseApp.maybe_start_producer.__wrapped__: "776ccefb9db5a370",  # behind `mode`'s `stampede`
    BaseApp._new_transport: "42db531312dd776f",
    BaseApp._on_partitions_revoked: "d5c895bbe57dc73a",
    BaseApp._stop_consumer: "55854a5de12c3f52",
    FlowControlEvent.clear: "dda5e40d80288a8f",
    Sensor.on_send_error: "0f6ba72f5fcc8888",
}


def fingerprint(method: Callable[..., Any]) -> str:
    return hashlib.sha256(inspect.getsource(method).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("method", "expected"), PINNED.items(), ids=lambda value: getattr(value, "__qualname__", ""))
def test_the_code_we_override_is_the_code_we_tested(method: Callable[..., Any], expected: str) -> None:
    assert fingerprint(method) == expected


@pytest.mark.parametrize("ours", [OrderedConsumer, QuickConsumer, ConsumerThread])
def test_every_override_is_pinned(ours: type) -> None:
    """A new override must be added to the list above."""
    pinned = {method.__name__ for method in PINNED}
    foreign = [parent for parent in ours.__mro__[1:] if parent.__module__.split(".")[0] in {"faust", "mode"}]
    own = {name for name, value in vars(ours).items() if callable(value) and not name.startswith("__")}
    overridden = {name for name in own if any(name in vars(parent) for parent in foreign)}
    assert overridden <= pinned


def test_the_app_has_what_serving_reads() -> None:
    assert hasattr(App, "crash_reason")
