"""A sink on a real slapd, and what the sink's tests ask of it."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ldap_sink.directory import Directory
from ldap_sink.outcomes import Applied, Waits
from ldap_sink.probe_entries import PROBE_PREFIX
from ldap_sink.protocol.framing import FrameReader
from ldap_sink.settings import DirectorySettings
from ldap_sink.sink import Sink
from ldap_sink.upkeep import DirectoryState
from schemas.dn import DN, RDN
from schemas.entries import Add, Values, WantedEntry
from schemas.events import Kind, Subject
from schemas.states import Binding
from streams.sandbox.slapd import Slapd
from tests.support.directory_dump import Tree, admin_connection, read_tree
from tests.support.proxy import Proxy

BIND, SEARCH, ADD, MODIFY, DELETE, MODIFY_DN = 0x60, 0x63, 0x68, 0x66, 0x4A, 0x6C
"""Tags of the requests (RFC 4511)."""

RELAX = ("1.3.6.1.4.1.4203.666.5.12", True, None)
"""A control with which slapd takes times that it would set itself (draft-zeilenga-ldap-relax-03)."""

LIMIT_SECONDS = 10
"""What is waited for at most."""


class KnownHolders(dict[str, Subject]):
    """Who holds which entry, said by the test: entities by entryUUID."""

    async def holder_of(self, entry_uuid: str) -> Subject | None:
        """As the dictionary says."""
        return self.get(entry_uuid)


def subject(identifier: str) -> Subject:
    """An organization, if its id begins with `ou_`; else an account."""
    return Kind.ORGANIZATION if identifier.startswith("ou_") else Kind.ACCOUNT, identifier


def settings_for(slapd: Slapd, target: DN, target_entry_uuid: str | None, **changes: Any) -> DirectorySettings:
    """Settings of a quick directory: the rootdn, short waits."""
    settings = DirectorySettings(
        host=slapd.host,
        port=slapd.port,
        admin_dn=slapd.admin_dn,
        password=slapd.admin_password.encode,
        target_dn=target,
        target_entry_uuid=target_entry_uuid,
        operation_timeout=5,
        halted_retry=0.05,
        target_check=0.1,
        backoff=(0.01, 0.1),
    )
    return replace(settings, **changes)


def make_target(slapd: Slapd) -> tuple[DN, str]:
    """Create a node of its own for one test; returns its DN and entryUUID."""
    target = DN.parse(slapd.target_dn).child(RDN.of("ou", uuid.uuid4().hex))
    write(slapd, lambda admin: admin.add(str(target), "organizationalUnit"))
    return target, entry_uuid(slapd, target)


def leave_probe(slapd: Slapd, target: DN, name: str = "1", *, old: bool = True) -> DN:
    """Leave a probe behind, as a process that was killed does; one of today, or of years ago."""
    dn = target.child(RDN.of("ou", f"{PROBE_PREFIX}{name}"))
    created = {"createTimestamp": "20200101000000Z"} if old else {}
    write(slapd, lambda admin: admin.add(str(dn), "organizationalUnit", created, controls=[RELAX]))
    return dn


def write(slapd: Slapd, change: Callable[[Any], object]) -> None:
    """Change the directory behind the sink's back, with an ldap3 connection (whose stubs have no types)."""
    with admin_connection(slapd) as admin:
        change(admin)


def entry_uuid(slapd: Slapd, dn: DN) -> str:
    """The entryUUID of an entry."""
    return read_tree(slapd, str(dn))[str(dn)]["entryUUID"][0].decode()


@dataclass
class Bench:
    """A sink with a target of its own.

    Attributes:
        operations: the names of those that the directory has done.
    """

    slapd: Slapd
    target: DN
    directory: Directory
    operations: list[str]
    holders: KnownHolders = field(default_factory=KnownHolders)

    def __post_init__(self) -> None:
        self.sink = Sink(self.directory, self.holders, clock=itertools.count(1).__next__)

    def tree(self, *, operational: bool = False) -> Tree:
        """All entries below the target, by their DN relative to it."""
        suffix = f",{self.target}"
        found = read_tree(self.slapd, str(self.target), operational=operational)
        return {dn.removesuffix(suffix): entry for dn, entry in found.items() if dn.endswith(suffix)}

    def make(self, rdn: str, object_class: str = "inetOrgPerson", **attributes: str | list[str]) -> DN:
        """Create an entry behind the sink's back."""
        dn = self.target.child(RDN.parse(rdn))
        write(self.slapd, lambda admin: admin.add(str(dn), object_class, attributes))
        return dn

    def entry_uuid(self, dn: DN) -> str:
        """The entryUUID of an entry."""
        return entry_uuid(self.slapd, dn)

    async def applied(
        self, identifier: str, wanted: WantedEntry, binding: Binding | None = None, parent: DN | None = None
    ) -> Applied:
        """Apply what must succeed, and remember who holds the entry."""
        outcome = await self.sink.apply(subject(identifier), wanted, parent or self.target, binding)
        assert isinstance(outcome, Applied), outcome
        self.holders[outcome.binding.entry_uuid] = subject(identifier)
        return outcome


@asynccontextmanager
async def open_bench(slapd: Slapd, *, port: int | None = None, **changes: Any) -> AsyncIterator[Bench]:
    """Make a target and open a sink on it, if wished through a proxy; `changes` are those of the settings."""
    target, target_uuid = make_target(slapd)
    settings = settings_for(slapd, target, target_uuid, port=port or slapd.port, **changes)
    operations: list[str] = []
    observe = lambda operation, *_: operations.append(operation)  # noqa: E731 - shorter than a function
    async with Directory(settings, may_write=lambda: True, observe=observe) as directory:
        yield Bench(slapd, target, directory, operations)


@dataclass
class Watched:
    """An open directory, and the states it goes through."""

    directory: Directory
    states: asyncio.Queue[DirectoryState]

    async def until(self, reason: str | None) -> DirectoryState:
        """Wait for a state with that reason; None: up."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                state = await self.states.get()
                problem = state.problem
                if (state.up and reason is None) or (problem is not None and problem.reason == reason):
                    return state


@asynccontextmanager
async def watched(settings: DirectorySettings, may_write: Callable[[], bool] = lambda: True) -> AsyncIterator[Watched]:
    """Open a directory."""
    states: asyncio.Queue[DirectoryState] = asyncio.Queue()
    async with Directory(settings, may_write=may_write, on_state_change=states.put_nowait) as directory:
        yield Watched(directory, states)


def person(uid: str, **attributes: str | Iterable[str]) -> WantedEntry:
    """A wanted account; None of the attributes but `uid`, `cn` and `sn` is mapped unless it is named."""
    named = {"uid": uid, "cn": "Mei Wang", "sn": "Wang", **attributes}
    return WantedEntry(RDN.of("uid", uid), ("inetOrgPerson", "top"), {k: _values(v) for k, v in named.items()}, {})


def unit(dn: DN) -> Add:
    """Make a plain organizational unit."""
    return Add(dn, {"objectClass": (b"organizationalUnit",)})


def identified(uid: str, **attributes: str) -> WantedEntry:
    """A person who is found by `uid`."""
    return replace(person(uid, **attributes), identifier="uid")


def organization(ou: str) -> WantedEntry:
    """A wanted organization."""
    return WantedEntry(RDN.of("ou", ou), ("organizationalUnit", "top"), {"ou": _values(ou)}, {})


def _values(value: str | Iterable[str]) -> Values:
    return tuple(one.encode() for one in ([value] if isinstance(value, str) else value))


def make_person(bench: Bench, name: str, parent: DN | None = None, **attributes: str) -> DN:
    """Create a person behind the sink's back."""
    dn = (parent or bench.target).child(RDN.parse(name))
    write(bench.slapd, lambda admin: admin.add(str(dn), "inetOrgPerson", {"cn": "Mei", "sn": "W", **attributes}))
    return dn


async def refused(
    bench: Bench, wanted: WantedEntry, identifier: str = "user_1", binding: Binding | None = None
) -> Waits:
    """Why the entity gets no entry; nothing at all was written."""
    before = bench.tree(operational=True)
    outcome = await bench.sink.apply(subject(identifier), wanted, bench.target, binding)
    assert bench.tree(operational=True) == before
    assert isinstance(outcome, Waits), outcome
    return outcome


def once(tag: int, act: Callable[[], object]) -> Callable[[bytes], bytes | None]:
    """A proxy's hook that acts before the first request of that sort goes on to the server."""
    left = [act]

    def hook(chunk: bytes) -> bytes:
        if left and has_request(chunk, tag):
            left.pop()()
        return chunk

    return hook


def lose_reply(proxy: Proxy, tag: int) -> None:
    """Let the next request of that sort reach the server, swallow the reply, and reset the connection."""
    armed = [False]

    def see_request(chunk: bytes) -> bytes:
        if has_request(chunk, tag):
            proxy.on_request = None
            armed[0] = True
        return chunk

    def see_reply(chunk: bytes) -> bytes | None:
        if not armed[0]:
            return chunk
        proxy.on_reply = None
        proxy.cut()
        return None

    proxy.on_request, proxy.on_reply = see_request, see_reply


def has_request(chunk: bytes, tag: int) -> bool:
    """Whether a request of that sort is among those that a client sent at once."""
    _, frames = FrameReader().feed(chunk)
    return any(frame[1] == tag for frame in frames)
