"""Processor time as a multiple of a yardstick's, in the same process.

Each limit is between two and three times what was measured when it was written: other machines must not fail it, and
what does the work of an entry or an event several times over must.
"""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import ldap3
import orjson
import pytest

from benchmarks.company import Company
from benchmarks.load import creations
from benchmarks.protocol import attributes
from benchmarks.snapshot import SETTINGS
from ldap_sink.protocol.connection import Connection
from ldap_sink.subschema import Subschema
from processors.folding import fold
from schemas.codec import decode_event
from schemas.entries import FoundEntry
from schemas.events import Kind
from schemas.state_codec import encode_state
from streams.sandbox.slapd import Slapd
from streams.settings import Settings, load_settings
from streams.settings.entry_rules import entry_rules
from streams.verification.comparison import Comparison
from streams.verification.organizations import read_organizations
from streams.verification.snapshot import Snapshot
from streams.verification.yardstick import Yardstick
from tests.support.directory_dump import admin_connection
from tests.support.ratios import Tell, ratio
from tests.support.wire_entries import search_entry

EVENTS = 500
ENTRIES = 1_000
ADDS = 16  # of ours, beside one of ldap3
FEW = 20
PEOPLE = "(objectClass=person)"
LATER = 4_000_000_000_000  # milliseconds: after whatever an event says


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """As the benchmarks have them."""
    path = tmp_path / "ldapflow.yaml"
    path.write_text(SETTINGS)
    return load_settings(path, {"PASSWORD": "none"})


def test_an_event_costs_no_more_than_it_did(settings: Settings, within: Tell) -> None:
    """From its bytes to the entry that it makes, and to the bytes of its state."""
    messages = [one for one in creations(settings, EVENTS) if one.topic == settings.topics.account_events]
    rules = entry_rules(settings)[Kind.ACCOUNT]

    def ours() -> None:
        for message in messages:
            event = decode_event(Kind.ACCOUNT, message.key, message.value, LATER, settings.max_event_bytes)
            state = fold(None, event).state
            assert state.record is not None
            rules.wanted(state.record, None)
            encode_state(state)

    def yardstick() -> None:
        for _ in range(20):
            for message in messages:
                orjson.loads(orjson.loads(message.value or b"")["bizData"])

    within("an event, beside 20 times parsing it", ratio(ours, yardstick), 7)


def on_the_wire(entry: FoundEntry) -> bytes:
    """As slapd sends it."""
    identity = ("entryUUID", (entry.entry_uuid.encode(),))
    return search_entry(str(entry.dn), (*entry.attributes.items(), identity))


def test_a_comparison_costs_no_more_than_it_did(settings: Settings, within: Tell) -> None:
    """A verification without Kafka and LDAP: states are read, and compared with the entries that were found."""
    compared_by = Yardstick.of(settings, Subschema.parse((), ()))
    company = Company(settings, compared_by, ENTRIES, 20)
    messages, entries = list(company.messages()), [on_the_wire(entry) for page in company.pages() for entry in page]

    def ours() -> None:
        snapshot = Snapshot(settings)
        snapshot.take(messages)
        comparison = Comparison(snapshot, read_organizations(snapshot), compared_by, bytearray(len(snapshot)))
        comparison.take_octets(entries)
        comparison.finish()
        assert len(comparison.findings.report().differences) == 0

    def yardstick() -> None:
        for _ in range(10):
            for message in messages:
                orjson.loads(message.value or b"")

    within("a comparison, beside 10 times parsing the states", ratio(ours, yardstick), 3)


class Clients:
    """Our connection and one of ldap3, to a server of their own."""

    def __init__(self, runner: asyncio.Runner, ours: Connection, theirs: ldap3.Connection, target: str) -> None:
        self._runner, self._ours, self._theirs, self._target = runner, ours, theirs, target
        self._numbers = count()

    def add(self) -> None:
        """Add by ours, all at once."""
        self._runner.run(self._add())

    async def _add(self) -> None:
        numbers = [next(self._numbers) for _ in range(ADDS * FEW)]
        await asyncio.gather(*(self._ours.add(self._dn(number), attributes(number)) for number in numbers))

    def add_by_ldap3(self) -> None:
        """Add fewer by ldap3."""
        for number in (next(self._numbers) for _ in range(FEW)):
            self._theirs.add(self._dn(number), attributes=attributes(number))  # type: ignore[no-untyped-call]

    def read(self) -> None:
        """Read all by ours."""
        self._runner.run(self._read())

    async def _read(self) -> None:
        found = [entry async for page in self._ours.pages(self._target, PEOPLE, []) for entry in page]
        assert len(found) >= ADDS * FEW

    def read_by_ldap3(self) -> None:
        """Read all by ldap3."""
        search = self._theirs.extend.standard.paged_search
        found = list(search(self._target, PEOPLE, attributes=["*"], paged_size=1000))
        assert len(found) >= ADDS * FEW

    def _dn(self, number: int) -> str:
        return f"uid={number},{self._target}"


@pytest.fixture
def clients(fresh_slapd: Callable[..., Slapd]) -> Iterator[Clients]:
    """With an empty target."""
    slapd = fresh_slapd()

    async def connect() -> Connection:
        connection = await Connection.open(slapd.host, slapd.port)
        await connection.bind(slapd.admin_dn, slapd.admin_password.encode())
        return connection

    with asyncio.Runner() as runner, admin_connection(slapd) as theirs:
        ours = runner.run(connect())
        yield Clients(runner, ours, theirs, slapd.target_dn)
        runner.run(ours.close())


def test_an_add_costs_no_more_than_it_did(clients: Clients, within: Tell) -> None:
    """Of our LDAP connection, with many in flight: half as much when replies come together as when they come singly."""
    within(f"{ADDS} adds, beside one of ldap3", ratio(clients.add, clients.add_by_ldap3), 3)


def test_a_paged_read_costs_no_more_than_it_did(clients: Clients, within: Tell) -> None:
    """Of our LDAP connection."""
    clients.add()
    within("a paged read, beside ldap3's", ratio(clients.read, clients.read_by_ldap3), 0.4)
