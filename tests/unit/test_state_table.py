"""The table that Faust sees, and the store behind it."""

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.worker.delivery.agents import build_app
from streams.worker.delivery.faust_app import WorkerApp
from streams.worker.delivery.state_table import StateTable
from streams.worker.states.stores import MemoryStore
from tests.support.configuration import SMALLEST, Load, load

__all__ = ["load"]  # a fixture

CHANGELOG = "ldapflow.accounts"


@pytest.fixture
async def app(load: Load) -> WorkerApp:
    """Connected to nothing."""
    return build_app(load(SMALLEST))


@pytest.fixture
def states() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def table(app: WorkerApp, states: MemoryStore) -> Any:
    made: Any = app.Table("accounts", partitions=12, changelog_topic=app.topic(CHANGELOG), states=states)
    app.restoring[CHANGELOG] = made.restore
    return made


def record(key: bytes, value: bytes | None) -> SimpleNamespace:
    """As aiokafka has it."""
    return SimpleNamespace(key=key, value=value)


async def test_what_is_read_back_goes_into_the_store_and_faust_sees_but_the_last_of_it(
    app: WorkerApp, table: StateTable, states: MemoryStore
) -> None:
    """Events are left as they are, and so is a fetch of nothing."""
    assert isinstance(table, StateTable)
    records = [record(b"a", b"1"), record(b"b", b"1"), record(b"a", b"2"), record(b"b", None)]
    events = [record(b"c", b"1"), record(b"d", b"1")]
    ours, empty, inputs = TP(CHANGELOG, 3), TP(CHANGELOG, 4), TP("idaas.accounts", 3)
    fetched: dict[TP, list[Any]] = {ours: records, empty: [], inputs: events}
    app.restore(fetched)
    assert fetched == {ours: records[-1:], empty: [], inputs: events}
    assert [states.get(3, key) for key in (b"a", b"b", b"c")] == [b"2", None, None]


async def test_faust_keeps_nothing_of_what_it_is_shown(table: StateTable, states: MemoryStore) -> None:
    """It would be there twice, and may be older than what the store has by now."""
    states.write(3, [(b"a", b"2")])
    message = SimpleNamespace(key=b"a", value=b"1", partition=3)
    table.apply_changelog_batch([SimpleNamespace(key=b"a", value=b"1", message=message)])  # type: ignore[list-item]
    assert (states.get(3, b"a"), len(table)) == (b"2", 0)


async def test_partitions_that_come_or_go_begin_empty_and_those_that_stay_keep_their_states(
    table: StateTable, states: MemoryStore
) -> None:
    """Others write what is revoked; what is new is read from its beginning; other topics' partitions are not ours."""
    for partition in range(4):
        states.write(partition, [(b"a", b"1")])
    stays, comes, goes = (TP(CHANGELOG, partition) for partition in range(3))
    await table.on_rebalance({stays, comes}, {goes, TP("other", 3)}, {comes})
    assert [states.get(partition, b"a") for partition in range(4)] == [b"1", None, None, b"1"]


async def test_what_was_dropped_is_read_from_its_beginning(app: WorkerApp, table: StateTable) -> None:
    """Faust goes on from where it was, and may note that of a partition that has left: what lay before were missing."""
    tables: Any = app.tables
    offsets = tables.recovery.active_offsets
    stays, comes, goes = (TP(CHANGELOG, partition) for partition in range(3))
    offsets.update({stays: 10, comes: 11, goes: 12})
    await table.on_rebalance({stays, comes}, {goes}, {comes})
    assert dict(offsets) == {stays: 10}


async def test_states_are_read_only_while_an_event_is_handled(table: StateTable) -> None:
    """Otherwise nobody knows of which partition."""
    with pytest.raises(RuntimeError, match="only while an event of their partition is handled"):
        table.get(b"a")
