"""An account from its first event to its last, as the service of logins answers: Kafka, slapd and programs are real."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import IdentitySource
from tests.support.logging_on import Caller, authentication_section
from tests.support.passwords import Staff, fresh_password

_WRONG = (401, {"authenticated": False, "reason": "invalid_credentials"})


@dataclass(frozen=True, slots=True)
class Door:
    """A worker that keeps the directory, and the service that asks it."""

    staff: Staff
    caller: Caller
    service: RunningWorker

    def answer(self, login: str, password: str) -> tuple[int, dict[str, Any]]:
        """What the service says."""
        return self.caller.ask(login, password.encode())

    def until(self, login: str, password: str, answer: tuple[int, dict[str, Any]]) -> None:
        """Wait for an answer: the service reads the states a moment after the worker has written them."""
        until(
            lambda: self.answer(login, password) == answer,
            f"{answer}",
            10,
            detail=lambda: f"{self.answer(login, password)}\n{self.service.log.read_text()}",
        )

    def welcome(self, account: str) -> tuple[int, dict[str, Any]]:
        """The answer that lets an account in; its id is its name."""
        return 200, {"authenticated": True, "dn": self.staff.dn(account), "userId": account}


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Door]:
    """One for all tests. Disabled accounts are kept: that the service refuses them is its own doing."""
    folder = tmp_path_factory.mktemp("door")
    with (
        Slapd(SlapdOptions(policy={"pwdMaxFailure": "0"})) as slapd,
        Flow(
            folder,
            kafka,
            slapd,
            f"t{uuid.uuid4().hex[:12]}",
            connection={"allow_plaintext": True},
            sync={"passwords": True, "disabled_accounts": "keep"},
            authentication=authentication_section(folder),
        ) as flow,
    ):
        service = RunningWorker(flow.configuration, "auth", "auth")
        flow.workers.append(service)  # which ends with the others
        source = IdentitySource()
        source.add_organization("o", "Org")
        staff = Staff(flow, source, flow.worker())
        staff.publish(*source.events)
        until(service.ready, "a service that is ready", detail=service.log.read_text)
        yield Door(staff, Caller(flow.settings.authentication.listen.port), service)


def test_a_new_account_logs_on_as_itself(door: Door) -> None:
    """With the password that came with it."""
    password = fresh_password()
    door.staff.publish(door.staff.created("anna", password))
    door.until("anna", password, door.welcome("anna"))


def test_a_new_password_takes_the_place_of_the_old_one_at_once(door: Door) -> None:
    """As soon as its event is done."""
    old, new = fresh_password(), fresh_password()
    door.staff.publish(door.staff.created("bert", old))
    door.until("bert", old, door.welcome("bert"))
    door.staff.publish(door.staff.set("bert", new))
    assert (door.answer("bert", new), door.answer("bert", old)) == (door.welcome("bert"), _WRONG)


def test_a_disabled_account_is_told_so_whoever_has_its_password(door: Door) -> None:
    """And nothing to others; enabled again, it logs on."""
    password = fresh_password()
    door.staff.publish(door.staff.created("cora", password))
    door.until("cora", password, door.welcome("cora"))
    door.staff.source.enable_account("cora", enabled=False)
    door.staff.publish(door.staff.source.events[-1])
    door.until("cora", password, (401, {"authenticated": False, "reason": "account_disabled"}))
    assert door.answer("cora", fresh_password()) == _WRONG
    door.staff.source.enable_account("cora", enabled=True)
    door.staff.publish(door.staff.source.events[-1])
    door.until("cora", password, door.welcome("cora"))


def test_a_deleted_account_is_nobody_at_once(door: Door) -> None:
    """The service says what it says of a login that never was."""
    password = fresh_password()
    door.staff.publish(door.staff.created("dora", password))
    door.until("dora", password, door.welcome("dora"))
    door.staff.source.delete_account("dora")
    door.staff.publish(door.staff.source.events[-1])
    assert door.answer("dora", password) == door.answer("nobody", password) == _WRONG
