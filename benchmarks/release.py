"""What accounts that wait for one organization cost a worker: memory, and turns of the event loop at their release.

Run from the checkout: `python -m benchmarks.release [--json]`. Kafka is left out: it has every redrive at once. What
counts is the longest turn, in CPU time: as long as that, heartbeats and everything else must wait.
"""

import argparse
import asyncio
import sys
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time
from typing import Any, Final

import orjson

from benchmarks.machine import machine
from schemas.events import ROOT_ORGANIZATION, Json, Kind
from schemas.records import record_of
from schemas.state_codec import decode_state, encode_state
from schemas.states import AwaitsOrganization, Binding, State, Status
from streams.control import ControlView
from streams.kafka.publisher import Headers
from streams.settings import Settings, load_settings
from streams.worker.states.freezing import freeze_states
from streams.worker.states.state_view import Seen, StateView, seen_of
from streams.worker.watching.redriving import Redriver
from streams.worker.watching.watches import Watches

ACCOUNTS: Final = 200_000
BATCH: Final = 500  # states that come in one turn, as from the reader of the topics
PARTITIONS: Final = 12
TARGET: Final = "5b6e6ef0-0000-4000-8000-000000000001"
SOURCE: Final = "ou_source"
SALES: Final = "ou_sales"
SETTINGS: Final = f"""\
connection:
  server: ldap://ldap.example.com
  admin_dn: cn=admin,dc=example,dc=com
  admin_password: ${{PASSWORD}}
sync:
  target_dn: ou=company,dc=example,dc=com
  source_node: {SOURCE}
"""


class Kafka:
    """Stands where Kafka is.

    Attributes:
        sent: how many messages it has.
    """

    def __init__(self) -> None:
        self.sent = 0

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """As `Publisher.send`."""
        del topic, key, value, headers, partition
        await asyncio.sleep(0)
        self.sent += 1
        return self.sent


class Turns:
    """Has every turn of the event loop, and measures them.

    Attributes:
        longest: seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0

    async def measure(self) -> None:
        """Go on until it is cancelled."""
        before = thread_time()
        while True:
            await asyncio.sleep(0)
            now = thread_time()
            self.longest = max(self.longest, now - before)
            before = now


@asynccontextmanager
async def measured(found: list[dict[str, Any]], what: str) -> AsyncIterator[None]:
    """Note how long it took, and the longest turn."""
    turns, began = Turns(), perf_counter()
    task = asyncio.create_task(turns.measure())
    yield
    task.cancel()
    seconds = round(perf_counter() - began, 2)
    found.append({"what": what, "seconds": seconds, "longest_turn_ms": round(turns.longest * 1000, 1)})


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition."""
    while not is_so():  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)


def seen(state: State, partition: int) -> Seen:
    """What the view keeps when the state has come from Kafka: nothing is shared with other states."""
    record = state.record
    if record is None:
        raise ValueError(state)
    read = decode_state(record.kind, encode_state(state))
    return seen_of(record.kind, record.id, partition, read, TARGET, 1)


def sales(parent: str, counter: int) -> Seen:
    """The organization for which everybody waits; it has an entry."""
    fields: dict[str, Json] = {"organizationalUnitId": SALES, "parentId": parent, "organizationalUnitName": "Sales"}
    binding = Binding("entry-of-sales", "ou=Sales,ou=company,dc=example,dc=com", TARGET, 1)
    record = record_of(Kind.ORGANIZATION, fields)
    return seen(State(record, 1, 1, 1, Status.APPLIED, 1, (7, counter), binding=binding), 0)


def waiting(number: int) -> State:
    """One of the accounts."""
    fields: dict[str, Json] = {
        "userId": f"user_{number:026}",
        "username": str(number),
        "organizationalUnits": [{"organizationalUnitId": SALES}],
    }
    record, time = record_of(Kind.ACCOUNT, fields), 1_700_000_000_000 + number
    awaited = AwaitsOrganization(SALES)
    return State(record, time, time, time, Status.WAITING, time, (7, 1), reason="organization_unknown", awaited=awaited)


def applied(number: int) -> State:
    """The same with its entry."""
    binding = Binding(f"{number:036}", f"uid={number},ou=Sales,ou=company,dc=example,dc=com", TARGET, 1_700_000_000_000)
    return replace(waiting(number), status=Status.APPLIED, reason=None, awaited=None, writer=(7, 2), binding=binding)


async def absorb(view: StateView, state: Callable[[int], State]) -> None:
    """Take in a state of every account."""
    for number in range(ACCOUNTS):
        view.absorb(seen(state(number), number % PARTITIONS))
        if number % BATCH == 0:
            await asyncio.sleep(0)


async def bytes_each(view: StateView, state: Callable[[int], State]) -> int:
    """Take in a state of every account; returns the memory that one needs more."""
    tracemalloc.start()
    await absorb(view, state)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return round(grown / ACCOUNTS)


async def run(settings: Settings) -> dict[str, Any]:
    """Measure all of it."""
    view, kafka, found = StateView(TARGET), Kafka(), list[dict[str, Any]]()
    freeze_states(view)
    async with Redriver(settings, kafka) as redriver:
        watches = Watches(settings, view, ControlView(), redriver, lambda *_: True, uses_path=False)
        work = asyncio.create_task(watches.work())
        waiting_bytes = await bytes_each(view, waiting)
        async with measured(found, "everybody is released, during a sweep"):
            watches.look()
            view.absorb(sales(SOURCE, 1))
            await until(lambda: kafka.sent == ACCOUNTS)
        async with measured(found, "everybody is applied"):
            await absorb(view, applied)
        async with measured(found, "the organization leaves the scope"):
            view.absorb(sales(ROOT_ORGANIZATION, 2))
            await until(lambda: kafka.sent == 2 * ACCOUNTS)
        work.cancel()
    alone = StateView(TARGET)
    applied_bytes = await bytes_each(alone, applied)
    return {"waiting_account_bytes": waiting_bytes, "applied_account_bytes": applied_bytes, "results": found}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ldapflow.yaml"
        path.write_text(SETTINGS)
        settings = load_settings(path, {"PASSWORD": "none"})
    heartbeat = settings.kafka.heartbeat_seconds
    found = asyncio.run(run(settings))
    if arguments.json:
        document = {"benchmark": "release", "machine": machine(), "accounts": ACCOUNTS, "heartbeat_seconds": heartbeat}
        sys.stdout.write(orjson.dumps({**document, **found}, option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    for one in found["results"]:
        sys.stdout.write(
            f"{one['what']:<40}{one['seconds']:>8.2f} s{one['longest_turn_ms']:>10.1f} ms the longest turn\n"
        )
    for name in ("waiting", "applied"):
        sys.stdout.write(f"an account that is {name} needs {found[f'{name}_account_bytes']:,} bytes\n")


if __name__ == "__main__":
    main()
