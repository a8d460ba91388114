"""What redrives mean, by reason and state."""

from dataclasses import replace

import pytest

from processors.retiring import KEPT_MS, swept
from schemas.control import Approval, Discard
from schemas.events import RedriveReason
from schemas.states import Binding, PasswordNote, PasswordStatus, State, Status
from streams.worker.applying.answering import Answer, Apply, Circumstances, Forget, Ignore, Settle, WriteAgain, answer
from streams.worker.applying.attempt import Verdict

BOUND = State(None, 5, 7, 3, Status.APPLIED, 4, (1, 1), binding=Binding("e", "uid=a", "t", 1), locked=True)
REFUSED = replace(BOUND, password=PasswordNote("t", 0, 1, 5, PasswordStatus.REFUSED))
UNBOUND = replace(BOUND, binding=None, locked=False)
WAITING = replace(BOUND, status=Status.WAITING)
HELD = replace(BOUND, status=Status.HELD, deleted_at=7)
OUTSIDE = replace(BOUND, status=Status.HELD)
GONE = replace(UNBOUND, deleted_at=7)
APPROVAL, DISCARD = Approval(None, None, 4), Discard(None, None, 4)
NOW = Circumstances(now=1000, decided=None, is_rightful=True, incremental=True)


@pytest.mark.parametrize(
    ("reason", "stored", "circumstances", "expected"),
    [
        (RedriveReason.RELEASE, WAITING, NOW, Apply(WAITING)),
        (RedriveReason.CORRECT, BOUND, NOW, Apply(BOUND)),
        (RedriveReason.RETRY, BOUND, NOW, Apply(BOUND)),
        (RedriveReason.RETRY, REFUSED, NOW, Apply(replace(REFUSED, password=PasswordNote("t", 0, 1, 5)))),
        (RedriveReason.CORRECT, REFUSED, NOW, Apply(REFUSED)),
        (RedriveReason.CYCLE, WAITING, NOW, Apply(WAITING, aside=True)),
        (RedriveReason.CYCLE, BOUND, NOW, Apply(BOUND)),
        (RedriveReason.HEAL, BOUND, NOW, WriteAgain()),
        (RedriveReason.UNBIND, BOUND, NOW, Apply(BOUND)),
        (RedriveReason.UNBIND, BOUND, replace(NOW, is_rightful=False), Apply(UNBOUND)),
        (RedriveReason.SWEEP, BOUND, NOW, Apply(swept(BOUND))),
        (RedriveReason.APPROVE, HELD, NOW, Ignore()),
        (RedriveReason.APPROVE, HELD, replace(NOW, decided=APPROVAL), Apply(HELD, approved=True)),
        (RedriveReason.DISCARD, HELD, replace(NOW, decided=APPROVAL), Apply(HELD, approved=True)),
        (
            RedriveReason.DISCARD,
            HELD,
            replace(NOW, decided=DISCARD),
            Settle(replace(HELD, binding=None, locked=False), Verdict(Status.APPLIED, "discarded")),
        ),
        (
            RedriveReason.APPROVE,
            OUTSIDE,
            replace(NOW, decided=DISCARD),
            Settle(replace(OUTSIDE, binding=None, locked=False), Verdict(Status.OUT_OF_SCOPE, "discarded")),
        ),
        (RedriveReason.FORGET, GONE, NOW, Ignore()),
        (RedriveReason.FORGET, GONE, replace(NOW, now=KEPT_MS + 5), Forget()),
        (RedriveReason.FORGET, BOUND, replace(NOW, now=KEPT_MS + 5), Ignore()),
    ],
)
def test_each_reason_has_its_answer(
    reason: RedriveReason, stored: State, circumstances: Circumstances, expected: Answer
) -> None:
    """As design section 4 says."""
    assert answer(reason, stored, circumstances) == expected


@pytest.mark.parametrize(
    ("reason", "stored", "expected"),
    [
        (RedriveReason.CORRECT, BOUND, Apply(BOUND)),
        (RedriveReason.RETRY, BOUND, Apply(BOUND)),
        (RedriveReason.SWEEP, BOUND, Apply(swept(BOUND))),
        (RedriveReason.RELEASE, WAITING, Apply(WAITING)),
        (RedriveReason.CYCLE, WAITING, Apply(WAITING, aside=True)),
        (RedriveReason.RELEASE, BOUND, Ignore()),
        (RedriveReason.RELEASE, replace(BOUND, status=Status.PENDING), Ignore()),
        (RedriveReason.HEAL, BOUND, WriteAgain()),
        (RedriveReason.UNBIND, BOUND, Apply(UNBOUND)),
        (RedriveReason.UNBIND, WAITING, Apply(replace(UNBOUND, status=Status.WAITING))),
    ],
)
def test_without_incremental_provisioning_only_corrections_and_what_they_left_waiting_write(
    reason: RedriveReason, stored: State, expected: Answer
) -> None:
    """What a watch asks for on its own, because of an event that is pending, writes nothing.

    Two that share an entry are parted all the same: a verification that asks for it waits for the entry of its own.
    """
    assert answer(reason, stored, replace(NOW, incremental=False, is_rightful=False)) == expected


def test_without_incremental_provisioning_an_approval_still_deletes() -> None:
    """A person wants it."""
    circumstances = replace(NOW, incremental=False, decided=APPROVAL)
    assert answer(RedriveReason.APPROVE, HELD, circumstances) == Apply(HELD, approved=True)
