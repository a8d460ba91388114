"""What becomes of the passwords that come with events (design sections 4 and 5, "Passwords").

No state, dead letter, log or error holds one: the state notes where the newest lies, and its message is read again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import structlog

from ldap_sink.marks import IdMark
from ldap_sink.passwords import PasswordWriter
from ldap_sink.probing import Prober
from schemas.codec import open_envelope
from schemas.errors import InvalidEvent, Permanent, Retryable
from schemas.events import Event, Kind, PasswordSet, WholeRecord
from schemas.secrets import password_in
from schemas.states import Binding, PasswordNote, PasswordStatus, Status
from streams.dead_letters import Original
from streams.metrics import Metrics, PasswordResult
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.attempt import Attempt, Verdict
from streams.worker.states.state_view import StateView

log = structlog.get_logger(__name__)

# With another outcome the entity has no entry, or shall lose it.
_WITH_ENTRY: Final = frozenset({Status.APPLIED, Status.WAITING, Status.DEAD_LETTERED})


@dataclass(frozen=True, slots=True)
class Refusal:
    """The directory does not take a password: a dead letter.

    Attributes:
        original: the message that brought it.
    """

    original: Original
    failure: Permanent


@dataclass(frozen=True, slots=True)
class Courier:
    """Brings passwords to the directory.

    Attributes:
        messages: reads again what brought a password.
        writer: writes it.
        locks: which a new password lifts.
        view: who is bound to which entry.
        catch_up: waits until the view has everything that was written to the states until now.
        mark: by what an account's entry says whose it is.
    """

    messages: "Messages"
    writer: PasswordWriter
    prober: Prober
    locks: AccountLocks
    view: StateView
    catch_up: Callable[[], Awaitable[None]]
    mark: Callable[[str], IdMark | None]

    async def bring(self, attempt: Attempt, original: Original) -> tuple[PasswordResult | None, Refusal | None]:
        """Write the password that the attempt's state notes, and note there what became of it.

        Args:
            attempt: has a binding, and a password that is pending.
            original: the message that is handled, which may be the one that brought the password.

        Returns:
            What became of it, None when it is still pending; and the dead letter that must be written.

        Raises:
            Retryable, Halting: as the directory and Kafka say.
        """
        note, binding, record = attempt.state.password, attempt.binding, attempt.state.record
        if note is None or binding is None:
            return None, None
        is_here = note.is_same(self.messages.note(original, note.time))
        message = original if is_here else await self.messages.read(note)
        password = None if message is None else password_of(message, attempt.identifier)
        if message is None or password is None:
            attempt.note_password(PasswordStatus.LOST)
            return PasswordResult.LOST, None
        if not note.tried:
            await attempt.intend_password()
        if not await self._is_own(attempt, binding):
            return None, None
        mark = self.mark(attempt.identifier)
        try:
            written = await self.writer.write(binding, password, mark, again=note.tried)
        except Permanent as exc:
            attempt.note_password(PasswordStatus.REFUSED)
            return PasswordResult.REFUSED, Refusal(message, exc)
        if written is None:  # the entry has gone: its next one will get the password
            return None, None
        attempt.changes += written
        refusal = None
        if record is not None:
            try:
                await self.prober.judging(partial(self.locks.settle, attempt, record, mark))
            except Permanent as exc:
                refusal = Refusal(message, exc)
        attempt.note_password(PasswordStatus.APPLIED)
        return PasswordResult.APPLIED, refusal

    async def _is_own(self, attempt: Attempt, binding: Binding) -> bool:
        """Whether all can know that the entry is the entity's, and nobody else believes it to be his.

        Raises:
            Retryable: somebody else does, and must let go of it.
        """
        await self.catch_up()
        if self.view.holders(binding.entry_uuid) <= {attempt.subject}:
            return True
        if self.view.holder(binding.entry_uuid) == attempt.subject:
            raise Retryable("entry_shared", "another entity is bound to the entry, and has not let go of it yet")
        return False  # we are asked to let go of it ourselves: that must not wait for us


class Messages(Protocol):
    """Where messages of the accounts' events are read again."""

    def note(self, original: Original, time: int) -> PasswordNote:
        """Where a password lies that came with a message."""

    async def read(self, note: PasswordNote) -> Original | None:
        """The message that a note is about; None when it is gone."""


class Passwords:
    """Notes passwords, and sees that they are written once; or drops them.

    Args:
        courier: None: passwords are not synchronized.
    """

    def __init__(self, metrics: Metrics, courier: Courier | None) -> None:
        self._metrics = metrics
        self._courier = courier

    def note(self, event: Event, original: Original) -> PasswordNote | None:
        """Where the password lies that came with an event; None when none came that is wanted."""
        if not event.has_password or event.kind is not Kind.ACCOUNT:
            return None
        if not isinstance(event.payload, WholeRecord | PasswordSet):
            return None
        if self._courier is None:
            self._count(PasswordResult.DROPPED)
            return None
        return self._courier.messages.note(original, event.time)

    def is_due(self, attempt: Attempt, verdict: Verdict) -> bool:
        """Whether a password is to be written after an attempt that came to that verdict."""
        state = attempt.state
        return (
            self._courier is not None
            and state.password is not None
            and state.password.status is PasswordStatus.PENDING
            and attempt.binding is not None
            and state.deleted_at is None
            and verdict.status in _WITH_ENTRY
        )

    async def settle(self, attempt: Attempt, original: Original) -> Refusal | None:
        """Write the password that is due; the attempt's state says what became of it. See `Courier.bring`."""
        if self._courier is None:
            return None
        result, refusal = await self._courier.bring(attempt, original)
        if result is not None:
            self._count(result)
        if result is PasswordResult.LOST:
            log.warning(
                "password_lost",
                subject=attempt.identifier,
                detail="its message is not retained any more: have the source set it again",
            )
        return refusal

    def _count(self, result: PasswordResult) -> None:
        self._metrics.passwords.labels(result.value).inc()


def password_of(message: Original, identifier: str) -> bytes | None:
    """The password of an account in a message that was read again; None when it is not about that account.

    It must not be kept.
    """
    if message.key != identifier.encode():
        return None
    try:
        return password_in(open_envelope(message.value).body)
    except InvalidEvent:
        return None
