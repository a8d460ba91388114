"""`ldapflow verify`, `push`, `jobs` and `verifier`, as their users run them: Kafka, slapd and a worker are real."""

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from schemas.control import PushRequest
from schemas.jobs import FullPush, JobState, Trigger, Verification
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.company import Company
from tests.support.directory_dump import read_tree
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import IdentitySource
from tests.support.program import ldapflow, lines, write_configuration

EVERY_SECOND = {"cron": "* * * * * ?"}
ON_REQUEST = {"enabled": False}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Company]:
    source = IdentitySource()
    source.add_organization("o", "Org")
    for name in ("mei", "ivan", "olga"):
        source.add_account(f"id-of-{name}", name, "o", mail=f"{name}@example.com")
    with (
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(
            tmp_path_factory.mktemp("company"),
            kafka,
            slapd,
            f"t{uuid.uuid4().hex[:12]}",
            kafka={"session_timeout_seconds": 3, "heartbeat_seconds": 0.5},
            connection={"connect_timeout_seconds": 60},  # a silent directory shall not end a verification
            sync={"verification": ON_REQUEST},
        ) as flow,
    ):
        flow.worker()
        flow.publish(source.events)
        flow.settle(source)
        yield Company(flow, source)


@pytest.fixture
def company(installed: Company) -> Iterator[Company]:
    yield installed
    for verifier in installed.verifiers:
        verifier.kill()
    for command in installed.commands:
        command.process.kill()
        command.process.wait()
    installed.verifiers.clear()
    installed.commands.clear()
    installed.remove_written()


# -- one verification --------------------------------------------------------------------------------------------------


def test_without_a_recorded_target_nothing_is_verified(tmp_path: Path) -> None:
    write_configuration(tmp_path)
    done = ldapflow("verify", folder=tmp_path)
    assert (done.returncode, lines(done.stderr)) == (
        2,
        ["sync.target_entry_uuid is not recorded: run `ldapflow pin`"],
    )


def test_a_dry_run_reports_what_differs_changes_nothing_and_is_3(company: Company) -> None:
    """As JSON at once; `jobs ID` shows the same report as a table later. The next verification corrects it."""
    company.spoil()
    before = read_tree(company.flow.slapd)
    dry = company.run("verify", "--dry-run", "--json")
    assert (dry.returncode, dry.stderr) == (3, "")
    told = orjson.loads(dry.stdout)
    found = {(one["state"], one["id"], *one["attributes"]) for one in told["report"]["differences"]}
    assert found == {("missing", "id-of-ivan"), ("changed", "id-of-mei", "mail")}
    assert read_tree(company.flow.slapd) == before
    table = lines(company.run("jobs", told["id"]).stdout)
    assert [line.split()[:3] for line in table if "id-of" in line] == [
        ["missing", "account", "id-of-ivan"],
        ["changed", "account", "id-of-mei"],
    ]
    assert table[-1] == "2 differ: nothing was changed (dry run)"
    done = company.run("verify")
    assert (done.returncode, done.stderr, lines(done.stdout)[-1]) == (0, "", "corrected: 1 created, 1 updated")
    assert company.is_as_it_should_be()


def test_jobs_lists_what_ran_and_says_which_was_killed(company: Company) -> None:
    """Full pushes among them, in the order in which they began."""
    killed = Verification("killed", Trigger.SCHEDULE, dry_run=False, state=JobState.RUNNING, started=1000)
    company.write(FullPush("push-1", 4, 5, began=2000, ended=3000), killed)
    listed = lines(company.run("jobs").stdout)
    assert " ".join(listed[1].split()) == (
        "killed verification (schedule) 1970-01-01T00:00:01Z abandoned"
        " its process is gone; the next verification goes on"
    )
    assert " ".join(listed[2].split()) == "push-1 full push 1970-01-01T00:00:02Z ended 4 organizations, 5 accounts"
    assert listed[-1] == "no verification is scheduled"
    told = orjson.loads(company.run("jobs", "--json").stdout)
    assert [(job["job"], job["id"], job.get("state")) for job in told["jobs"][:2]] == [
        ("verification", "killed", "abandoned"),
        ("push", "push-1", None),
    ]


def test_an_unknown_job_is_told(company: Company) -> None:
    done = company.run("jobs", "nonsense")
    assert (done.returncode, lines(done.stderr)) == (1, ["no job nonsense: see `ldapflow jobs`"])


# -- never two at once -------------------------------------------------------------------------------------------------


def test_who_comes_second_is_told_who_runs_and_a_push_waits_for_it(company: Company) -> None:
    count = len(company.verifications())
    with company.silent_directory():
        first = company.begin("verify")
        job = company.await_running()
        push = company.begin("push")
        second = company.run("verify")
        assert second.returncode == 1
        assert lines(second.stderr)[0].startswith(f"verification {job.id} (verify) runs since ")
        until(lambda: f"{job.id} runs: waiting for its end" in push.err.read_text(), "a push that waits")
        assert f"{job.id}  verification (verify)" in company.run("jobs").stdout
    for code, out, _ in (first.end(), push.end()):
        assert (code, lines(out)[-1]) == (0, "nothing differs")
    assert [job.state for job in company.verifications()[count:]] == [JobState.DONE]


def test_a_push_waits_for_a_rebinding_and_then_has_another_verification(company: Company) -> None:
    """A rebinding deletes nothing, so it is no full sync."""
    count = len(company.verifications())
    with company.silent_directory():
        rebinding = company.begin("verify", "--rebind")
        job = company.await_running()
        push = company.begin("push")
        until(lambda: f"{job.id} runs: waiting for its end" in push.err.read_text(), "a push that waits")
    assert (rebinding.end()[0], push.end()[0]) == (0, 0)
    assert [(job.rebind, job.trigger) for job in company.verifications()[count:]] == [
        (True, Trigger.VERIFY),
        (False, Trigger.PUSH),
    ]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 1)])
def test_a_verification_that_is_told_to_end_says_what_becomes_of_it(
    company: Company, number: signal.Signals, code: int
) -> None:
    with company.silent_directory():
        verify = company.begin("verify")
        company.await_running()
        verify.process.send_signal(number)
        told = verify.end()
    assert (told[0], told[1]) == (code, "")
    assert lines(told[2])[-1].startswith("it was told to end: what it asked of the workers stays valid")
    assert company.verifications()[-1].state is JobState.UNFINISHED


# -- the verifier ------------------------------------------------------------------------------------------------------


def test_a_verifier_waits_for_the_directory_and_then_keeps_its_schedule(company: Company) -> None:
    """/readyz says what is missing; the metrics tell what was corrected."""
    company.spoil()
    with company.silent_directory():
        verifier = company.verifier(EVERY_SECOND)
        missing = '{"ready":false,"reasons":{"ldap":"connecting"}}'
        until(lambda: verifier.get("readyz") == (503, missing), "a verifier that misses the directory alone")
    until(lambda: verifier.metric("ldapflow_verification_corrections_total", kind="account") == 2, "corrections")
    assert verifier.ready()
    assert company.is_as_it_should_be()
    assert verifier.stop() == 0
    assert company.verifications()[-1].trigger is Trigger.SCHEDULE


def test_a_push_is_answered_by_the_verifier_and_one_in_the_middle_ends_as_unfinished_on_sigterm(
    company: Company,
) -> None:
    verifier = company.verifier(ON_REQUEST)
    until(verifier.ready, "a verifier that is ready")
    company.spoil()
    done = company.run("push", "--json")
    job = company.verifications()[-1]
    assert (done.returncode, orjson.loads(done.stdout)["id"], job.trigger) == (0, job.id, Trigger.PUSH)
    until(lambda: f'"job":"{job.id}","state":"done"' in verifier.log.read_text(), "its end in the log")
    assert company.is_as_it_should_be()
    with company.silent_directory():
        push = company.begin("push")
        job = company.await_running()
        assert verifier.stop() == 0
    code, _, err = push.end()
    assert code == 1
    assert lines(err)[-1].startswith(f"verification {job.id} is unfinished: it was told to end")


def test_what_a_killed_verifier_left_is_finished_by_the_push_that_waits_for_it(company: Company) -> None:
    """As soon as Kafka misses the verifier; the record that said nothing of its end gets one."""
    verifier = company.verifier(ON_REQUEST)
    until(verifier.ready, "a verifier that is ready")
    company.spoil()
    with company.silent_directory():
        push = company.begin("push")
        job = company.await_running()
        verifier.kill()
    assert push.end()[0] == 0
    assert company.is_as_it_should_be()
    killed, done = company.verifications()[-2:]
    assert (killed.id, killed.state, done.state) == (job.id, JobState.UNFINISHED, JobState.DONE)


def test_a_verifier_runs_again_what_was_killed_before_it_could_answer(company: Company) -> None:
    """Whoever asked may be gone too: nobody but a verifier would run it."""
    killed = Verification("answer", Trigger.PUSH, dry_run=False, state=JobState.RUNNING, started=1000, request="asked")
    company.write(killed)
    company.decide(PushRequest("asked"))
    company.verifier(ON_REQUEST)
    until(
        lambda: ("asked", JobState.DONE) in {(job.request, job.state) for job in company.verifications()}, "a new run"
    )


def test_a_verifier_lives_and_ends_in_good_order_without_kafka(tmp_path: Path) -> None:
    write_configuration(
        tmp_path,
        kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"},
        sync={"target_entry_uuid": str(uuid.uuid4())},
    )
    verifier = RunningWorker(tmp_path / "ldapflow.yaml", "verifier", "verifier")
    try:
        until(lambda: "does not answer" in verifier.get("readyz")[1], "a verifier that misses Kafka")
    finally:
        code = verifier.stop()
    assert code == 0
