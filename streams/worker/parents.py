"""Where an organization is in LDAP: entryUUID is the truth, DNs are hints (design section 4)."""

from collections.abc import Sequence
from typing import TypeAlias

from ldap_sink.sink import Sink
from schemas.dn import DN
from schemas.states import Revision
from streams.worker.state_view import StateView

Route: TypeAlias = tuple[tuple[str, Revision], ...]


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

    A DN is looked up once, by its entryUUID, and holds as long as no organization on its path has another state.
    """

    def __init__(self, sink: Sink, view: StateView, target_dn: DN) -> None:
        self._sink = sink
        self._view = view
        self._target_dn = target_dn
        self._known: dict[str, tuple[Route, DN]] = {}

    def route(self, path: Sequence[str]) -> Route:
        """The path with the revision of each state: another route means that the place must be found anew."""
        organization = self._view.organization
        return tuple((step, seen.revision) for step in path if (seen := organization(step)) is not None)

    async def resolve(self, path: Sequence[str]) -> DN:
        """Find the present DN of the last organization of a path, itself below the others; the target for no path.

        Raises:
            ParentVanished: it has no entry.
        """
        if not path:
            return self._target_dn
        route, last = self.route(path), path[-1]
        known = self._known.get(last)
        if known is not None and known[0] == route:
            return known[1]
        seen = self._view.organization(last)
        if seen is None or seen.binding is None:
            raise ParentVanished(last)
        hint = (await self.resolve(path[:-1])).child(DN.parse(seen.binding.dn).rdn)
        found = await self._sink.present_dn(seen.binding, hint)
        if found is None:
            raise ParentVanished(last)
        self._known[last] = (route, found)
        return found

    def forget(self, path: Sequence[str]) -> None:
        """Look all of a path up again: an operation below it found nothing there."""
        for step in path:
            self._known.pop(step, None)
