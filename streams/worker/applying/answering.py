"""What the owner of a state does when it is asked to look at it again: an answer to each reason (design section 4)."""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias, assert_never

from processors.retiring import may_be_forgotten, swept
from schemas.control import Approval, Discard
from schemas.events import RedriveReason
from schemas.states import PasswordStatus, State, Status
from streams.worker.applying.attempt import Verdict

_WRITES_ALWAYS: Final = frozenset(
    {
        RedriveReason.CORRECT,
        RedriveReason.UNBIND,
        RedriveReason.SWEEP,
        RedriveReason.APPROVE,
        RedriveReason.RETRY,
    }
)


@dataclass(frozen=True, slots=True)
class Apply:
    """Make the directory what the state says.

    Attributes:
        approved: a person approved the deletion.
        aside: if the wanted name is taken, take a temporary one.
    """

    state: State
    approved: bool = False
    aside: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """Write the state down with an outcome that needs no directory."""

    state: State
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class WriteAgain:
    """Write the state down as it is."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the state."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """There is nothing left to do."""


Answer: TypeAlias = Apply | Settle | WriteAgain | Forget | Ignore


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What counts besides the state.

    Attributes:
        now: milliseconds.
        decided: what a person said last about the state; None unless it is held.
        is_rightful: the entry that it is bound to is its own, if several are bound to it.
        incremental: events are applied, not only verifications (`sync.incremental`).
    """

    now: int
    decided: Approval | Discard | None
    is_rightful: bool
    incremental: bool


def answer(reason: RedriveReason, stored: State, circumstances: Circumstances) -> Answer:
    """Say what a redrive means for the state that it names."""
    chosen = _answer(reason, stored, circumstances)
    if circumstances.incremental or not isinstance(chosen, Apply) or _may_write(reason, stored):
        return chosen
    return Ignore() if chosen.state == stored else Settle(chosen.state, Verdict(Status.PENDING))


def _answer(reason: RedriveReason, stored: State, circumstances: Circumstances) -> Answer:
    match reason:
        case RedriveReason.HEAL:
            return WriteAgain()
        case RedriveReason.APPROVE | RedriveReason.DISCARD:
            return _carry_out(circumstances.decided, stored)
        case RedriveReason.UNBIND if stored.binding is not None and not circumstances.is_rightful:
            # Whom the entry belongs to by now looks whether it is still there: the other may have deleted it.
            return Apply(_unbound(stored))
        case RedriveReason.SWEEP:
            return Apply(swept(stored))
        case RedriveReason.FORGET:
            return Forget() if may_be_forgotten(stored, circumstances.now) else Ignore()
        case RedriveReason.CYCLE:
            return Apply(stored, aside=stored.status is Status.WAITING)
        case RedriveReason.RETRY:
            return Apply(_with_password_to_try(stored))
        case RedriveReason.RELEASE | RedriveReason.UNBIND | RedriveReason.CORRECT:
            return Apply(stored)
        case _:
            assert_never(reason)


def _with_password_to_try(stored: State) -> State:
    """What a person retries is answered anew, the password too."""
    note = stored.password
    if note is None or note.status is not PasswordStatus.REFUSED:
        return stored
    return replace(stored, password=replace(note, status=PasswordStatus.PENDING))


def _carry_out(decided: Approval | Discard | None, stored: State) -> Answer:
    if decided is None:
        return Ignore()
    if isinstance(decided, Approval):
        return Apply(stored, approved=True)
    # The deletion is discarded: the entry stays, and is nobody's.
    status = Status.APPLIED if stored.deleted_at is not None else Status.OUT_OF_SCOPE
    return Settle(_unbound(stored), Verdict(status, "discarded"))


def _unbound(stored: State) -> State:
    return replace(stored, binding=None, locked=False)


def _may_write(reason: RedriveReason, stored: State) -> bool:
    """Whether a redrive writes to LDAP although events do not.

    Events leave every state `pending`: who waits was left so by a correction, and whatever ends the wait finishes that.
    """
    return reason in _WRITES_ALWAYS or stored.status is Status.WAITING
