"""Which entries are being taken by whom, as long as nobody else can know (design section 5, point 2).

Between an Add, or the decision to adopt, and the state that tells of it, `Holders` says that the entry is nobody's.
Here it is not, for all that happens in this process; other processes settle such a conflict by their states.
"""

from collections import OrderedDict
from typing import Final

from schemas.events import Subject

# Far more than can be at work at once: for a caller that tells less than it should.
MAX_SUBJECTS: Final = 1024


class Claims:
    """Entries, each with the entity that takes it. Nothing here waits, so that nobody can come between."""

    def __init__(self) -> None:
        self._claimants: dict[str, Subject] = {}
        self._entries: OrderedDict[Subject, set[str]] = OrderedDict()

    def claim(self, entry_uuid: str, subject: Subject) -> Subject | None:
        """Claim an entry; returns who has claimed it already, if that is another."""
        claimant = self._claimants.setdefault(entry_uuid, subject)
        if claimant != subject:
            return claimant
        self._entries.setdefault(subject, set()).add(entry_uuid)
        if len(self._entries) > MAX_SUBJECTS:
            self.release(next(iter(self._entries)))
        return None

    def claimant(self, entry_uuid: str) -> Subject | None:
        """Who has claimed an entry."""
        return self._claimants.get(entry_uuid)

    def release(self, subject: Subject) -> None:
        """Give up all that an entity has claimed."""
        for entry_uuid in self._entries.pop(subject, ()):
            del self._claimants[entry_uuid]
