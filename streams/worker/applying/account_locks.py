"""Keeps disabled accounts from logging on: the permanent lock of ppolicy (design section 5, "Disabled accounts")."""

from ldap_sink.locking import Locker, LockState
from ldap_sink.marks import IdMark
from schemas.entries import Change
from schemas.events import Kind, Record
from streams.settings import DisabledAccounts
from streams.worker.applying.attempt import Attempt


class AccountLocks:
    """Locks and unlocks, each by a Modify of its own, whatever happens to the other attributes.

    Args:
        disabled_accounts: only `lock` makes it do anything.
    """

    def __init__(self, locker: Locker, disabled_accounts: DisabledAccounts) -> None:
        self._locker = locker
        self._is_on = disabled_accounts is DisabledAccounts.LOCK

    async def settle(self, attempt: Attempt, record: Record, mark: IdMark | None) -> None:
        """Make the lock what the record's status says; without an entry there is nothing to do yet."""
        binding = attempt.binding
        if not self._is_on or record.kind is not Kind.ACCOUNT or binding is None:
            return
        if record.enabled and not attempt.state.locked:
            return
        look = await self._locker.look(binding, mark)
        if look is None:
            return
        changes: tuple[Change, ...] = ()
        if record.enabled:
            changes = await self._locker.set_lock(look, locked=False)
            attempt.note_lock(locked=False)
        elif look.state is not LockState.PERMANENT:  # else it is ours already, or another's, which we shall not undo
            if not attempt.state.locked:
                await attempt.intend_lock()
            changes = await self._locker.set_lock(look, locked=True)
        attempt.changes += changes
