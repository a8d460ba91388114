"""Which entries are being taken by whom, as long as nobody else can know (design section 5, point 2).

Between an Add, or the decision to adopt, and the state that tells of it, `Holders` says that the entry is nobody's.
Here it is not, for all that happens in this process; other processes settle such a conflict by their states.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from schemas.dn import PreparedDN

# Far more than can be at work at once: for a caller that tells less than it should.
MAX_SUBJECTS: Final = 1024


@dataclass(slots=True)
class _Claimed:
    """What one entity has claimed."""

    entries: set[str] = field(default_factory=set)
    dns: set[PreparedDN] = field(default_factory=set)


class Claims:
    """Entries and DNs, each with the entity that takes it. Nothing here waits, so that nobody can come between."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}
        self._dns: dict[PreparedDN, str] = {}
        self._subjects: OrderedDict[str, _Claimed] = OrderedDict()

    def claim_dn(self, dn: PreparedDN, subject: str) -> str | None:
        """Claim a DN before an entry is made there; returns who has claimed it already, if that is another."""
        holder = self._dns.setdefault(dn, subject)
        if holder != subject:
            return holder
        self._of(subject).dns.add(dn)
        return None

    def claim_entry(self, entry_uuid: str, dn: PreparedDN, subject: str) -> str | None:
        """Claim an entry; returns who has claimed it or its DN already, if that is another."""
        for holder in (self._dns.get(dn), self._entries.get(entry_uuid)):
            if holder is not None and holder != subject:
                return holder
        self._entries[entry_uuid] = subject
        self._of(subject).entries.add(entry_uuid)
        return None

    def claimant(self, entry_uuid: str) -> str | None:
        """Who has claimed an entry."""
        return self._entries.get(entry_uuid)

    def release_dns(self, subject: str) -> None:
        """Give up the DNs of an entity: what it makes there is made."""
        claimed = self._subjects.get(subject)
        if claimed is not None:
            for dn in claimed.dns:
                del self._dns[dn]
            claimed.dns.clear()

    def release(self, subject: str) -> None:
        """Give up all that an entity has claimed."""
        self.release_dns(subject)
        claimed = self._subjects.pop(subject, None)
        if claimed is not None:
            for entry_uuid in claimed.entries:
                del self._entries[entry_uuid]

    def _of(self, subject: str) -> _Claimed:
        claimed = self._subjects.setdefault(subject, _Claimed())
        if len(self._subjects) > MAX_SUBJECTS:
            self.release(next(iter(self._subjects)))
        return claimed
