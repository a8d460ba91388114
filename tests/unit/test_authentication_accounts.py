"""What an account's state says of logging on, and which account an entry belongs to."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from ldap_sink.authenticator import Refusal
from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.authentication.accounts import Accounts, Gone, Standing, reading_of, standing_of
from streams.kafka import Received

NOW = 1_700_000_000_000


def state(*, entry: str | None = "E1", bound_at: int = 1, writer: int = 1, **fields: Any) -> State:
    """An applied state of an account."""
    binding = None if entry is None else Binding(entry, "uid=a", "t", bound_at)
    record = record_of(Kind.ACCOUNT, {"userId": "a", **fields})
    return State(record, 1, 1, 1, Status.APPLIED, 1, (1, writer), binding=binding)


def standing(identifier: str, **fields: Any) -> Standing:
    """What is kept of such a state."""
    return standing_of(identifier, state(**fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"status": "enabled", "accountExpireTime": -1, "lockExpireTime": "-1", "passwordExpireTime": -1}, None),
        ({"status": "disabled"}, Refusal.ACCOUNT_DISABLED),
        ({"lockExpireTime": str(NOW + 1)}, Refusal.ACCOUNT_LOCKED),
        ({"lockExpireTime": NOW}, None),
        ({"accountExpireTime": NOW}, Refusal.ACCOUNT_EXPIRED),
        ({"accountExpireTime": NOW + 1}, None),
        ({"passwordExpireTime": NOW}, Refusal.PASSWORD_EXPIRED),
        ({"passwordExpireTime": NOW + 1}, None),
    ],
)
def test_why_an_account_may_not_be_used(fields: dict[str, Any], reason: Refusal | None) -> None:
    """Each reason, its moment to the millisecond, and -1 for never."""
    assert standing("a", **fields).refusal(NOW) == reason


def test_a_deleted_account_may_not_be_used_as_long_as_its_entry_is_there() -> None:
    """Its deletion may be held for a person."""
    assert standing_of("a", replace(state(), deleted_at=5)).refusal(NOW) is Refusal.ACCOUNT_DISABLED


def test_a_state_without_a_record_forbids_nothing() -> None:
    assert standing_of("a", replace(state(), record=None)).refusal(NOW) is None


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("binding", {"entryUUID": None, "dn": "uid=a", "target": "t", "boundAt": 1}),
        ("binding", []),
        ("writer", [None, 1]),
        ("writer", ["x", 1]),
        ("record", "x"),
    ],
)
def test_a_state_that_cannot_be_read_is_passed_over(part: str, value: Any) -> None:
    """It is told in the log, and ends nothing: neither the reading nor the taking in."""
    document = {**orjson.loads(encode_state(state())), part: value}
    message = Received("t", 0, 5, 1, b"a", orjson.dumps(document))
    with capture_logs() as told:
        assert reading_of(message) is None
    assert [(line["event"], line["offset"]) for line in told] == [("state_unreadable", 5)]


def test_an_entry_is_found_by_its_entry_uuid_in_any_case() -> None:
    accounts = Accounts()
    accounts.take_in([standing("a", entry="AB"), standing("b", entry="CD")])
    found = accounts.behind("ab")
    assert (found and found.user_id, accounts.behind("ef")) == ("a", None)


def test_a_binding_that_moves_takes_the_account_along() -> None:
    accounts = Accounts()
    accounts.take_in([standing("a", entry="e1"), standing("a", entry="e2", writer=2)])
    found = accounts.behind("e2")
    assert (accounts.behind("e1"), found and found.user_id) == (None, "a")


def test_an_account_without_entry_is_behind_none() -> None:
    accounts = Accounts()
    accounts.take_in([standing("a"), standing("a", entry=None, writer=2)])
    assert (accounts.behind("e1"), len(accounts)) == (None, 1)


def test_a_late_write_of_an_older_state_is_ignored() -> None:
    """A worker that was replaced must not enable again whom its successor disabled."""
    accounts = Accounts()
    accounts.take_in([standing("a", status="disabled", writer=2), standing("a", writer=1)])
    found = accounts.behind("e1")
    assert found is not None
    assert not found.is_enabled


def test_of_two_holders_the_one_bound_first_counts() -> None:
    """As the workers decide it."""
    accounts = Accounts()
    accounts.take_in([standing("a", bound_at=9), standing("c", bound_at=5), standing("b", bound_at=5)])
    found = accounts.behind("e1")
    assert found is not None
    assert found.user_id == "b"


def test_a_removed_state_frees_the_entry() -> None:
    accounts = Accounts()
    accounts.take_in([standing("a"), standing("b", bound_at=2), Gone("a"), Gone("never seen")])
    found = accounts.behind("e1")
    assert (found and found.user_id, len(accounts)) == ("b", 1)
