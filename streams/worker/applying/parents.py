"""Where an organization is in LDAP: entryUUID is the truth, DNs are hints (design section 4)."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ldap_sink.directory import Directory
from ldap_sink.sink import Sink
from schemas.dn import DN
from schemas.states import Revision
from streams.worker.states.state_view import StateView

Route: TypeAlias = tuple[tuple[str, Revision], ...]


@dataclass(frozen=True, slots=True)
class Parent:
    """Where an organization's entry was.

    Attributes:
        entry_uuid: None for the target itself, which the directory's upkeep watches.
    """

    dn: DN
    entry_uuid: str | None


@dataclass(slots=True)
class _Look:
    """The last read of what stands at a parent's DN.

    Attributes:
        lock: held while it is read.
        began: which of all questions and reads it was.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    began: int = -1
    dn: DN | None = None
    entry_uuid: str | None = None


class ParentVanished(Exception):
    """An organization that is bound has no entry any more.

    Attributes:
        organization_id: which.
    """

    def __init__(self, organization_id: str) -> None:
        super().__init__(organization_id)
        self.organization_id = organization_id


class Parents:
    """Resolves paths of organizations to the DNs that they have now.

    A DN is looked up once, by its entryUUID, and holds as long as no organization on its path has another state. But
    another worker's move may not have come to the view yet: `stands` tells after a write whether it went there.
    """

    def __init__(self, directory: Directory, sink: Sink, view: StateView) -> None:
        self._directory = directory
        self._sink = sink
        self._view = view
        self._known: dict[str, tuple[Route, Parent]] = {}
        self._looks: dict[str, _Look] = {}
        self._clock = itertools.count()

    def route(self, path: Sequence[str]) -> Route:
        """The path with the revision of each state: another route means that the place must be found anew."""
        organization = self._view.organization
        return tuple((step, seen.revision) for step in path if (seen := organization(step)) is not None)

    async def resolve(self, path: Sequence[str]) -> Parent:
        """Find the present place of the last organization of a path, itself below the others; the target for no path.

        Raises:
            ParentVanished: it has no entry.
        """
        if not path:
            return Parent(self._directory.settings.target_dn, None)
        route, last = self.route(path), path[-1]
        known = self._known.get(last)
        if known is not None and known[0] == route:
            return known[1]
        seen = self._view.organization(last)
        if seen is None or seen.binding is None:
            raise ParentVanished(last)
        hint = (await self.resolve(path[:-1])).dn.child(DN.parse(seen.binding.dn).rdn)
        found = await self._sink.present_dn(seen.binding, hint)
        if found is None:
            raise ParentVanished(last)
        parent = Parent(found, seen.binding.entry_uuid)
        self._known[last] = (route, parent)
        return parent

    async def stands(self, parent: Parent) -> bool:
        """Say whether the organization's entry stands at the DN, by a read that begins after this is asked.

        What was written below the DN before is below the organization then. One read answers all who ask before it
        begins.

        Raises:
            Retryable, Halting, Judged: as `Directory`.
        """
        if parent.entry_uuid is None:
            return True
        asked, look = next(self._clock), self._looks.setdefault(parent.entry_uuid, _Look())
        async with look.lock:
            if look.began < asked or look.dn != parent.dn:
                began = next(self._clock)
                found = await self._directory.read(parent.dn)
                look.began, look.dn, look.entry_uuid = began, parent.dn, None if found is None else found.entry_uuid
            return look.entry_uuid == parent.entry_uuid

    def forget(self, path: Sequence[str]) -> None:
        """Look all of a path up again: it is not sure any more that it leads there."""
        for step in path:
            self._known.pop(step, None)
