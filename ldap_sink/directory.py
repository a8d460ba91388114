"""The directory: reads and writes below the target, each on a checked connection, in the order that they need."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeAlias, TypeVar

from ldap_sink.failures import translate
from ldap_sink.protocol.connection import Connection
from ldap_sink.protocol.controls import Control, assertion, post_read, read_post_read
from ldap_sink.protocol.filters import both, equality, present
from ldap_sink.protocol.messages import Scope
from ldap_sink.protocol.ordering import DnLocks
from ldap_sink.protocol.results import NO_SUCH_OBJECT, LdapResultError, Result
from ldap_sink.reading import asked, found_entry, read_subschema
from ldap_sink.settings import DirectorySettings
from ldap_sink.subschema import Subschema
from ldap_sink.upkeep import DirectoryState, Proof, Upkeep
from schemas.dn import DN
from schemas.entries import Add, Delete, FoundEntry, Modify, Move
from schemas.errors import Halting, MaybeApplied, Permanent, Retryable
from schemas.halt_reasons import HaltReason

_Outcome = TypeVar("_Outcome")

Observer: TypeAlias = Callable[[str, str, float], None]
"""Told of every operation: its name, its result (a word of a fixed set), the seconds it took."""


class Directory:
    """Reads and writes; used as an asynchronous context manager, in one event loop.

    Every operation waits through outages until a checked connection is there, and raises:
        Halting: nothing may be written; `state` has the reason. An operation that finds such a reason stops all others.
        Retryable: of which `NotSent` and `MaybeApplied` are those of a lost link.
        Conflict: the directory is not as it was read.
        Permanent, Judged: the server refuses; see `ldap_sink.failures`.

    Args:
        may_write: asked right before every write is sent; when it says no, the write raises `Retryable("fenced")`.
        on_state_change: called in the event loop.
        observe: called after every operation.
    """

    def __init__(
        self,
        settings: DirectorySettings,
        *,
        may_write: Callable[[], bool],
        on_state_change: Callable[[DirectoryState], None] = lambda _: None,
        observe: Observer = lambda *_: None,
    ) -> None:
        self.settings = settings
        self._may_write = may_write
        self._observe = observe
        self._upkeep = Upkeep(settings, on_state_change)
        self._target_path = settings.target_dn.prepared()
        self._locks = DnLocks()
        self._subschema: tuple[Connection, Subschema] | None = None
        self._subschema_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._upkeep.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._upkeep.close()

    @property
    def state(self) -> DirectoryState:
        """Whether the directory can be used, and why not."""
        return self._upkeep.state

    @property
    def target(self) -> str:
        """The entryUUID of the target node.

        Raises:
            Halting: none is recorded.
        """
        recorded = self.settings.target_entry_uuid
        if recorded is None:
            raise Halting(HaltReason.TARGET_NOT_PINNED, "the target's entryUUID is not recorded")
        return recorded.lower()

    async def session(self) -> Connection:
        """Wait for a checked connection, through outages; raises Halting while halted."""
        return await self._upkeep.session()

    async def up(self) -> None:
        """Wait for a checked connection, through outages and halts."""
        await self._upkeep.up()

    def halt(self, problem: Halting, proof: Proof) -> None:
        """Stop all writing for a reason that was found elsewhere, until the proof raises it no more."""
        self._upkeep.halt(problem, proof)

    async def subschema(self) -> Subschema:
        """The server's schema, read once for each connection: a restarted server may have another."""
        connection = await self.session()
        async with self._subschema_lock:  # one look serves all who ask at once
            if self._subschema is None or self._subschema[0] is not connection:
                with self._operation("read"):
                    self._subschema = (connection, await read_subschema(connection, self.settings.target_dn))
            return self._subschema[1]

    async def read(self, dn: DN, attributes: Sequence[str] = ()) -> FoundEntry | None:
        """Read the named attributes of one entry; None when it is not there."""
        connection = await self.session()
        with self._operation("read"):
            entry = await connection.read(str(dn), asked(attributes))
            return None if entry is None else found_entry(entry, dn)

    async def find(self, filter_: str, attributes: Sequence[str] = (), size_limit: int = 0) -> list[FoundEntry]:
        """Search below the target, itself left out; for a filter that few entries match.

        Args:
            filter_: of RFC 4515.
            attributes: what is read of each.
            size_limit: more than so many are `Retryable("size_limit_exceeded")`; 0: as many as the server gives.
        """
        target = self.settings.target_dn
        connection = await self.session()
        with self._operation("search"):
            try:
                entries = await connection.search(str(target), filter_, asked(attributes), size_limit=size_limit)
            except LdapResultError as exc:
                if exc.result.code == NO_SUCH_OBJECT:
                    raise Halting(HaltReason.TARGET_MISSING, f"there is no {target}") from exc
                raise
            return [found for found in map(found_entry, entries) if found.dn.is_below(target)]

    async def children(self, dn: DN) -> list[FoundEntry]:
        """The entries right below one of ours; none when it is not there."""
        connection = await self.session()
        with self._operation("search"):
            try:
                entries = await connection.search(str(dn), present("objectClass"), asked(()), scope=Scope.ONE_LEVEL)
            except LdapResultError as exc:
                if exc.result.code == NO_SUCH_OBJECT:
                    return []
                raise
            return [found_entry(entry) for entry in entries]

    async def add(self, change: Add, attributes: Sequence[str] = ()) -> FoundEntry:
        """Create an entry; returns it as it is then."""
        control = post_read(asked(attributes))

        async def write(connection: Connection) -> FoundEntry:
            result = await connection.add(str(change.dn), change.attributes, [control], self._permit)
            return _after(result, change.dn)

        return await self._write("add", write, change.dn)

    async def modify(self, change: Modify, seen: FoundEntry, attributes: Sequence[str] = ()) -> FoundEntry:
        """Change attributes if the entry is still as it was seen; returns it as it is then."""
        controls = [_unchanged(seen), post_read(asked(attributes))]

        async def write(connection: Connection) -> FoundEntry:
            result = await connection.modify(str(change.dn), change.changes, controls, self._permit)
            return _after(result, change.dn)

        return await self._write("modify", write, change.dn)

    async def move(self, change: Move, seen: FoundEntry, attributes: Sequence[str] = ()) -> FoundEntry:
        """Rename or move an entry if it is still as it was seen; returns it as it is then."""
        controls = [_unchanged(seen), post_read(asked(attributes))]
        superior = None if change.new_superior is None else str(change.new_superior)

        async def write(connection: Connection) -> FoundEntry:
            result = await connection.modify_dn(
                str(change.dn),
                str(change.new_rdn),
                delete_old_rdn=change.delete_old_rdn,
                new_superior=superior,
                controls=controls,
                permit=self._permit,
            )
            return _after(result, change.new_dn)

        return await self._write("modify_dn", write, change.dn, change.new_dn)

    async def delete(self, change: Delete, seen: FoundEntry) -> None:
        """Remove an entry if it is still as it was seen."""

        async def write(connection: Connection) -> None:
            await connection.delete(str(change.dn), [_unchanged(seen)], self._permit)

        await self._write("delete", write, change.dn)

    async def set_password(self, seen: FoundEntry, password: bytes) -> None:
        """Give an entry a password, by the operation that is for it (RFC 3062).

        That names the entry by its DN alone and knows no assertion, so that the entry is looked at once more when it is
        nobody else's turn to change it.
        """

        async def write(connection: Connection) -> None:
            there = await connection.read(str(seen.dn), asked(()))
            if there is None or found_entry(there).entry_uuid != seen.entry_uuid:
                raise LdapResultError("password", Result(NO_SUCH_OBJECT, message="it is another entry by now"))
            await connection.set_password(str(seen.dn), password, self._permit)

        await self._write("password", write, seen.dn)

    async def _write(self, operation: str, write: Callable[[Connection], Awaitable[_Outcome]], *dns: DN) -> _Outcome:
        """The one gate of all writes: below the target only, and after all that they depend on."""
        paths, target = [dn.prepared() for dn in dns], self._target_path
        if not all(len(path) > len(target) and path[: len(target)] == target for path in paths):
            raise RuntimeError(f"a write outside of {self.settings.target_dn} was about to happen")
        async with self._locks.holding(*paths):
            connection = await self.session()
            with self._operation(operation):
                return await write(connection)

    def _permit(self) -> None:
        """The fence: whoever waited long for its turn may have lost its partitions meanwhile."""
        if not self._may_write():
            raise Retryable("fenced", "Kafka has not acknowledged that we still own our partitions")

    def _operation(self, operation: str) -> "_Operation":
        return _Operation(operation, self._upkeep, self._observe)


class _Operation:
    """Measures, translates the server's refusals, and stops everything when one says that we are wrong.

    A class, not a generator: every request passes here.
    """

    __slots__ = ("_begin", "_name", "_observe", "_upkeep")

    def __init__(self, name: str, upkeep: Upkeep, observe: Observer) -> None:
        self._name, self._upkeep, self._observe = name, upkeep, observe
        self._begin = time.monotonic()

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, exc: BaseException | None, _: TracebackType | None) -> None:
        result, failure = "success", None
        match exc:
            case None:
                pass
            case LdapResultError():
                result, failure = exc.result.name, translate(exc)
                if isinstance(failure, Halting):
                    self._upkeep.halt(failure)
            case Halting():
                result = exc.reason
                self._upkeep.halt(exc)
            case Retryable() | Permanent():
                result = str(exc.reason)
            case _:
                result = "cancelled"
        self._observe(self._name, result, time.monotonic() - self._begin)
        if failure is not None:
            raise failure from exc


def _after(result: Result, dn: DN) -> FoundEntry:
    """The entry after a write, from the write's own reply."""
    entry = read_post_read(result)
    if entry is None:
        raise MaybeApplied("no_post_read", "the server did not show the entry that it wrote")
    return found_entry(entry, dn)


def _unchanged(seen: FoundEntry) -> Control:
    """The write happens only to this entry, and only as long as it is what we saw (RFC 4528)."""
    return assertion(both(equality("entryUUID", seen.entry_uuid), equality("entryCSN", seen.entry_csn)))
