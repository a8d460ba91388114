"""An applier on a real slapd, without Kafka: the test says what the view shows."""

from dataclasses import dataclass, field

from ldap_sink.locking import Locker
from ldap_sink.probing import Prober
from schemas.events import ROOT_ORGANIZATION, Json, Kind, Record
from schemas.records import record_of
from schemas.states import Binding, State, Status
from streams.kafka.publisher import Headers
from streams.settings import DisabledAccounts, Settings
from streams.settings.entry_rules import entry_rules
from streams.settings.guard import guard_limits
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.applier import Applier, Parts
from streams.worker.applying.attempt import Attempt, Verdict
from streams.worker.states.state_view import StateView, seen_of
from streams.worker.watching.deletion_guard import DeletionGuard
from streams.worker.watching.redriving import Redriver
from tests.support.sink import Bench, organization

PROBE_SECONDS = 0.1


@dataclass
class Broker:
    """Stands where Kafka is; keeps the keys of what was sent to it."""

    keys: list[bytes | None] = field(default_factory=list)

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """As `Publisher.send`."""
        assert topic
        assert value
        assert not headers
        assert partition is not None
        self.keys.append(key)
        return len(self.keys)


class ApplierBench:
    """An applier, and the view that it believes.

    Attributes:
        bench: the directory.
        view: the states of others, as far as `show` told them.
    """

    def __init__(
        self, bench: Bench, settings: Settings, disabled_accounts: DisabledAccounts = DisabledAccounts.KEEP
    ) -> None:
        directory = bench.directory
        self.bench = bench
        self.view = StateView(directory.target)
        self._revision = 0
        parts = Parts(
            directory=directory,
            sink=bench.sink,
            prober=Prober(directory, PROBE_SECONDS),
            view=self.view,
            redriver=Redriver(settings, Broker()),
            guard=DeletionGuard(self.view, guard_limits(settings), lambda: 0),
            locks=AccountLocks(Locker(directory), disabled_accounts),
            rules=entry_rules(settings),
        )
        self.applier = Applier(parts, ROOT_ORGANIZATION, disabled_accounts)

    def show(self, record: Record, binding: Binding | None) -> None:
        """Let the view know an entity that was applied."""
        self.view.absorb(seen_of(record.kind, record.id, 0, self._state(record, binding), self.view.target))

    def attempt(self, record: Record, binding: Binding | None = None, *, aside: bool = False) -> Attempt:
        """What is applied; nothing that comes of it is recorded."""
        return Attempt(record.kind, record.id, self._state(record, binding), _as_it_is, aside=aside)

    async def apply(
        self, record: Record, binding: Binding | None = None, *, aside: bool = False
    ) -> tuple[Verdict, Attempt]:
        """Apply a record."""
        attempt = self.attempt(record, binding, aside=aside)
        async with attempt.until_recorded:
            return await self.applier.apply(attempt), attempt

    async def organization(self, identifier: str, name: str) -> Binding:
        """Make an organization right below the target, and let the view know it."""
        outcome = await self.bench.applied(identifier, organization(name))
        self.show(unit(identifier, name), outcome.binding)
        return outcome.binding

    def _state(self, record: Record, binding: Binding | None) -> State:
        self._revision += 1
        return State(record, 1, 1, 1, Status.APPLIED, 1, (1, self._revision), binding=binding)


def account(identifier: str, username: str, home: str = ROOT_ORGANIZATION, **fields: Json) -> Record:
    """An account of one organization."""
    document: dict[str, Json] = {
        "userId": identifier,
        "username": username,
        "organizationalUnits": [{"organizationalUnitId": home, "primary": True}],
        **fields,
    }
    return record_of(Kind.ACCOUNT, document)


def unit(identifier: str, name: str, parent: str = ROOT_ORGANIZATION) -> Record:
    """An organization."""
    document: dict[str, Json] = {
        "organizationalUnitId": identifier,
        "organizationalUnitName": name,
        "parentId": parent,
    }
    return record_of(Kind.ORGANIZATION, document)


async def _as_it_is(state: State) -> State:
    return state
