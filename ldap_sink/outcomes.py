"""What comes of an attempt to make the directory what it should be."""

from dataclasses import dataclass, field
from typing import Protocol

from schemas.dn import DN
from schemas.entries import Change
from schemas.errors import LdapflowError
from schemas.events import Subject
from schemas.states import Awaited, Binding


@dataclass(frozen=True, slots=True)
class Applied:
    """The entry is as wanted.

    Attributes:
        changes: what was written; empty when it was so already.
    """

    binding: Binding
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Removed:
    """The entry is gone.

    Attributes:
        changes: empty when it was gone already.
    """

    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """It cannot be done before something else happens.

    Attributes:
        reason: `dn_occupied`, `foreign_entry`, `ambiguous_identifier`, `children` or `not_converging`.
        changes: what was written nevertheless.
        binding: the entry that the entity has found meanwhile, and must be recorded as its own although it waits.
        occupied: where the entity that is awaited stands in the way.
        stranger: the entryUUID of the entry that is in the way, and nobody's yet.
    """

    reason: str
    awaited: Awaited
    changes: tuple[Change, ...] = ()
    binding: Binding | None = None
    # Hints, no part of the answer:
    occupied: DN | None = field(default=None, compare=False)
    stranger: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Anothers:
    """The bound entry is there and says that it belongs to another entity: it was never ours, or is not any more.

    Attributes:
        changes: what was written before it said so.
    """

    changes: tuple[Change, ...] = ()


class ParentMissing(LdapflowError):
    """The parent's DN leads nowhere (any more): resolve it anew.

    Attributes:
        matched_dn: the nearest ancestor that is there, as far as the server says so; may be empty.
    """

    def __init__(self, matched_dn: str) -> None:
        super().__init__(f"the parent is not there; the nearest ancestor is {matched_dn or 'not known'}")
        self.matched_dn = matched_dn


class Holders(Protocol):
    """Knows which entity an entry is bound to."""

    async def holder_of(self, entry_uuid: str) -> Subject | None:
        """The entity bound to the entry; None when it is nobody's, by all that was written until now."""
