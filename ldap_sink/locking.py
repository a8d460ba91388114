"""The lock of a disabled account: `pwdAccountLockedTime`, and nothing else (design section 5, "Disabled accounts").

Source: draft-behera-ldap-password-policy-10 section 5.3.3; slapo-ppolicy(5).
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from ldap_sink.directory import Directory
from ldap_sink.failures import Conflict
from ldap_sink.locating import guesses, locate_own
from ldap_sink.marks import IdMark
from schemas.entries import AttributeChange, FoundEntry, Modify, ModifyOperation
from schemas.errors import MaybeApplied, NotSent, Retryable
from schemas.states import Binding

LOCK_ATTRIBUTE: Final = "pwdAccountLockedTime"
PERMANENT_LOCK: Final = b"000001010000Z"
MAX_ROUNDS: Final = 8

_LOCK: Final = AttributeChange(ModifyOperation.REPLACE, LOCK_ATTRIBUTE, (PERMANENT_LOCK,))
# The value is named, so that no other one can go by it.
_UNLOCK: Final = AttributeChange(ModifyOperation.DELETE, LOCK_ATTRIBUTE, (PERMANENT_LOCK,))


class LockState(Enum):
    """Whether an account is locked in the directory."""

    UNLOCKED = auto()
    PERMANENT = auto()  # until somebody unlocks it: ours, or an administrator's
    TEMPORARY = auto()  # by the server, after wrong passwords


@dataclass(frozen=True, slots=True)
class LockLook:
    """A bound entry's lock, as it was seen."""

    state: LockState
    found: FoundEntry
    binding: Binding
    mark: IdMark | None


class Locker:
    """Looks at locks, and sets or lifts the permanent one. All that `Directory` raises is raised here, but `Conflict`.

    Whether a lock is ours, only the caller's state can say: it notes the intention between `look` and `set_lock`.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def look(self, binding: Binding, mark: IdMark | None = None) -> LockLook | None:
        """See whether a bound entry is locked; None when it is nowhere.

        Args:
            binding: one of another target means that there is no entry.
            mark: where an id attribute is configured: an entry that carries another id is not ours.
        """
        if binding.target.lower() != self._directory.target:
            return None
        found = await locate_own(self._directory, binding, guesses(binding, None), (LOCK_ATTRIBUTE,), mark)
        return None if found is None else LockLook(lock_state(found), found, binding, mark)

    async def set_lock(self, seen: LockLook, *, locked: bool) -> tuple[Modify, ...]:
        """Lock an account for good, or lift such a lock; one that the server set for a while is never lifted.

        Returns:
            What was written; nothing when the account is so already, or gone.

        Raises:
            Retryable: also when somebody else changes the entry again and again.
        """
        look: LockLook | None = seen
        written: tuple[Modify, ...] = ()
        last: Exception | None = None
        for _ in range(MAX_ROUNDS):
            if look is None or (look.state is LockState.PERMANENT) is locked:
                return written
            change = Modify(look.found.dn, (_LOCK if locked else _UNLOCK,))
            try:
                await self._directory.modify(change, look.found)
            except (Conflict, NotSent) as exc:
                last = exc
            except MaybeApplied as exc:
                last, written = exc, (change,)
            else:
                return (change,)
            look = await self.look(look.binding, look.mark)
        raise Retryable("not_converging", "the entry is changed again and again") from last


def lock_state(found: FoundEntry) -> LockState:
    """Say whether an entry that was read with `LOCK_ATTRIBUTE` is locked."""
    values = found.attributes.get(LOCK_ATTRIBUTE.lower(), ())
    if not values:
        return LockState.UNLOCKED
    return LockState.PERMANENT if PERMANENT_LOCK in values else LockState.TEMPORARY


def lock_differs(found: FoundEntry, *, enabled: bool, locked: bool) -> bool:
    """Say whether an account's lock must be set or lifted.

    Args:
        found: was read with `LOCK_ATTRIBUTE`.
        enabled: the source lets the account log on.
        locked: a lock on the entry is ours; another's is never lifted.
    """
    is_permanent = lock_state(found) is LockState.PERMANENT
    return (locked and is_permanent) if enabled else not is_permanent
