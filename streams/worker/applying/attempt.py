"""One state on its way into the directory, and what is learnt of it meanwhile."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from schemas.dn import DN
from schemas.entries import Add, Change
from schemas.events import Kind, Subject
from schemas.states import Awaited, Binding, PasswordStatus, State, Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a state.

    Attributes:
        removed: an entry was deleted, and the deletion guard counts it.
        occupied: where the entity that is awaited stood in the way.
        stranger: the entryUUID of the entry that was in the way, and nobody's yet.
    """

    status: Status
    reason: str | None = None
    awaited: Awaited | None = None
    removed: bool = False
    occupied: DN | None = None
    stranger: str | None = None


class Attempt:
    """What is applied; lives through all tries.

    Args:
        intend: writes a state down before the act, so that a crash in between does not leave an act unknown.

    Attributes:
        state: with what is known by now: binding, lock.
        changes: what was written to the directory so far.
        approved: a person approved the deletion.
        admitted: the deletion guard lets it happen.
        aside: if the wanted name is taken, take a temporary one, so that a circle of names can turn.
        formerly: the entry that it had, also if it shall leave it: should it find that one again, it has had it since.
        has_looked_twice: the directory said that children are there, and showed none.
        stands_aside: it has the temporary one now.
        until_recorded: closed when the outcome is recorded.
    """

    def __init__(
        self,
        kind: Kind,
        identifier: str,
        state: State,
        intend: Callable[[State], Awaitable[State]],
        *,
        approved: bool = False,
        aside: bool = False,
        formerly: Binding | None = None,
    ) -> None:
        self.kind = kind
        self.identifier = identifier
        self.state = state
        self.approved = approved
        self.admitted = approved
        self.aside = aside
        self.stands_aside = False
        self.has_looked_twice = False
        self.changes: list[Change] = []
        self._was_bound = state.binding is not None
        self._formerly = formerly
        self.until_recorded = AsyncExitStack()
        self._intend = intend

    @property
    def subject(self) -> Subject:
        """Kind and id."""
        return self.kind, self.identifier

    @property
    def binding(self) -> Binding | None:
        """The entry that the entity is bound to, as far as is known by now."""
        return self.state.binding

    @property
    def has_adopted(self) -> bool:
        """Whether it found an entry that was there already, and nobody's."""
        made = any(isinstance(change, Add) for change in self.changes)
        return not self._was_bound and self.binding is not None and not made

    def bind(self, binding: Binding | None) -> None:
        """Learn which entry it is; another one than before does not have the password yet."""
        if binding is not None and self._formerly is not None and _is_same(binding, self._formerly):
            # Nothing new is to be written down, or two who claim one entry would ask each other to leave for ever.
            binding = replace(binding, bound_at=self._formerly.bound_at)
        note = self.state.password
        if note is not None and note.status is PasswordStatus.APPLIED and _is_another(binding, self.state.binding):
            note = replace(note, status=PasswordStatus.PENDING, tried=False)
        self.state = replace(self.state, binding=binding, password=note)

    def note_lock(self, *, locked: bool) -> None:
        """Learn whether a lock of ours is on the entry."""
        self.state = replace(self.state, locked=locked)

    async def intend_lock(self) -> None:
        """Write down that we are about to lock: only a lock that is known to be ours will ever be undone."""
        self.note_lock(locked=True)
        self.state = await self._intend(self.state)

    def note_password(self, status: PasswordStatus) -> None:
        """Learn what became of the password."""
        if self.state.password is not None:
            self.state = replace(self.state, password=replace(self.state.password, status=status, tried=False))

    async def intend_password(self) -> None:
        """Write down that the password is about to be written, and to which entry: who is next may need both."""
        if self.state.password is not None:
            self.state = replace(self.state, password=replace(self.state.password, tried=True))
        self.state = await self._intend(self.state)


def _is_same(one: Binding, other: Binding) -> bool:
    return (one.entry_uuid, one.target) == (other.entry_uuid, other.target)


def _is_another(binding: Binding | None, before: Binding | None) -> bool:
    return binding is not None and (before is None or before.entry_uuid != binding.entry_uuid)
