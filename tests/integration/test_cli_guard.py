"""`ldapflow guard`, `pause` and `resume` on a real broker; the test plays the worker."""

import signal
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.control import Approval, Discard, Pause, Resume
from schemas.events import Kind
from schemas.states import Status
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import wait_until
from tests.support.deciding import Installation, account_state, organization_state
from tests.support.program import lines, starting

HELD = [account_state("a1", Status.HELD, status_time=100), account_state("a2", Status.HELD, status_time=300)]
UNIT = organization_state("o1", Status.HELD, status_time=200)


@pytest.fixture
def installation(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Installation:
    """Two accounts and an organization are held, one account is applied."""
    made = Installation(tmp_path, kafka, topic_prefix)
    made.write_states(
        (Kind.ACCOUNT, "a1", HELD[0]),
        (Kind.ORGANIZATION, "o1", UNIT),
        (Kind.ACCOUNT, "a2", HELD[1]),
        (Kind.ACCOUNT, "a3", account_state("a3", Status.APPLIED)),
    )
    return made


def let_go(made: Installation, *identifiers: str) -> None:
    """Be the worker that carried a decision out."""
    states = [(f"a{n}", state) for n, state in enumerate(HELD, start=1)]
    made.write_states(
        *(
            (Kind.ACCOUNT, name, replace(state, status=Status.APPLIED, writer=(1, 2)))
            for name, state in states
            if name in identifiers
        )
    )
    if "o1" in identifiers:
        made.write_states((Kind.ORGANIZATION, "o1", replace(UNIT, status=Status.APPLIED, writer=(1, 2))))


def test_the_status_tells_what_is_held_and_that_the_guard_is_closed(installation: Installation) -> None:
    told = installation.json("guard", "status")
    assert [(seen["kind"], seen["id"]) for seen in told["held"]] == [
        ("organization", "o1"),
        ("account", "a1"),
        ("account", "a2"),
    ]
    assert [(guard["kind"], guard["closed"], guard["held"]) for guard in told["guards"]] == [
        ("organization", True, 1),
        ("account", True, 2),
    ]


def test_an_open_guard_says_so(installation: Installation) -> None:
    let_go(installation, "a1", "a2", "o1")
    done = installation.run("guard", "status", "--kind", "account")
    assert (done.returncode, lines(done.stdout)) == (
        0,
        ["accounts: open, 0 held; 0 of 3 entries removed in 60 minutes (at most 30)"],
    )


def test_approving_all_covers_what_was_listed_and_waits_until_it_is_done(installation: Installation) -> None:
    with installation.running("guard", "approve") as command:
        assert installation.await_decision() == Approval(None, None, 300)
        let_go(installation, "a1", "a2")
        assert not command.done()
        let_go(installation, "o1")
        done = command.result()
    assert (done.returncode, done.stdout, done.stderr) == (0, "approved 3\n", "")


def test_discarding_one_says_its_id_and_time_alone(installation: Installation) -> None:
    with installation.running("guard", "discard", "a1") as command:
        assert installation.await_decision() == Discard(None, frozenset({"a1"}), 100)
        let_go(installation, "a1")
        done = command.result()
    assert (done.returncode, done.stdout) == (0, "discarded 1\n")


def test_a_kind_alone_can_be_approved(installation: Installation) -> None:
    with installation.running("guard", "approve", "--kind", "organization") as command:
        assert installation.await_decision() == Approval(Kind.ORGANIZATION, None, 200)
        let_go(installation, "o1")
        assert command.result().returncode == 0


def test_what_comes_to_be_held_later_is_not_waited_for(installation: Installation) -> None:
    """Nor approved: its time lies after the decision's."""
    with installation.running("guard", "approve", "a1") as command:
        installation.await_decision()
        again = replace(HELD[0], status_time=101, writer=(1, 2))
        installation.write_states((Kind.ACCOUNT, "a1", again))
        assert command.result().returncode == 0


def test_what_is_not_held_is_named_and_nothing_is_decided(installation: Installation) -> None:
    done = installation.run("guard", "approve", "a1", "a3", "nobody")
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith("not held: a3, nobody: ")
    assert installation.decisions() == []


def test_without_a_worker_the_wait_ends_and_the_decision_stays(installation: Installation) -> None:
    done = installation.run("guard", "approve", "--patience", "1")
    (line,) = lines(done.stderr)
    assert done.returncode == 1
    assert line.startswith("3 of 3 are still held, and nothing changed for 1 s: is a worker running")
    assert installation.decisions() == [Approval(None, None, 300)]


def test_whoever_interrupts_the_wait_is_told_that_the_decision_stays(
    installation: Installation, tmp_path: Path
) -> None:
    with starting("guard", "approve", folder=tmp_path) as program:
        wait_until(lambda: bool(installation.decisions()), "the decision")
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=20)
    assert program.returncode == 130
    assert said.decode() == "interrupted while waiting: the decision is recorded and stays valid\n"


def test_where_nothing_is_held_nothing_is_decided(installation: Installation) -> None:
    let_go(installation, "a1", "a2", "o1")
    done = installation.run("guard", "discard")
    assert (done.returncode, done.stdout, installation.decisions()) == (0, "nothing is held\n", [])


def test_pause_and_resume_are_written_down(installation: Installation) -> None:
    """A second pause adds nothing; a resume always does: it may release a brake."""
    said = [installation.run(command).stdout for command in ("pause", "pause", "resume", "resume")]
    assert installation.decisions() == [Pause(), Resume(), Resume()]
    assert said == [
        "writing is paused: `ldapflow resume` goes on\n",
        "writing is paused already: `ldapflow resume` goes on\n",
        "writing goes on\n",
        "writing was not paused; a brake, if there is one, is released\n",
    ]


def test_an_unknown_kind_is_wrong_usage(installation: Installation) -> None:
    assert installation.run("guard", "approve", "--kind", "printer").returncode == 2
