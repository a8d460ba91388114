"""An administrator who may only read: the worker must not go on, and logins need nothing more of it.

What `check` says is in test_check_directory.py, whose fault a refusal is in test_probing.py.
"""

import uuid
from collections.abc import Iterator

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from tests.support.checking import configure
from tests.support.flow import Flow, RunningWorker, until
from tests.support.logging_on import PASSWORD, POLICY, Caller, authentication_section, dn_of
from tests.support.passwords import sync_administrator
from tests.support.program import ldapflow


@pytest.fixture(scope="module")
def flow(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Flow]:
    """An installation whose administrator sees entries, but no password, and changes nothing."""
    folder = tmp_path_factory.mktemp("reader")
    with Slapd(POLICY) as slapd:
        configure(slapd, DATABASE_CONFIG_DN, "olcAccess: {0}to attrs=userPassword by anonymous auth by * none")
        configure(slapd, DATABASE_CONFIG_DN, "olcAccess: {1}to * by * read")
        flow = Flow(
            folder,
            kafka,
            slapd,
            f"t{uuid.uuid4().hex[:12]}",
            connection={"admin_dn": slapd.sync_dn, "allow_plaintext": True},
            authentication=authentication_section(folder),
        )
        sync_administrator(flow)
        with flow:
            yield flow


def test_a_worker_stops_and_says_what_to_do(flow: Flow) -> None:
    """On /readyz, as long as it lives."""
    worker = flow.worker(wait=False)
    remedy = "give connection.admin_dn the right to write there"
    until(lambda: remedy in worker.get("readyz")[1], "a halt", detail=lambda: "\n".join(flow.tails()))
    assert worker.process.poll() is None


def test_logins_are_answered(flow: Flow) -> None:
    """By the service and by the command: neither asks for a right to write."""
    service = RunningWorker(flow.configuration, "auth", "auth")
    flow.workers.append(service)  # which ends with the others
    until(service.ready, "a service that is ready", detail=service.log.read_text)
    caller = Caller(flow.settings.authentication.listen.port)
    assert caller.ask("mei") == (200, {"authenticated": True, "dn": str(dn_of("mei")), "userId": None})
    assert caller.ask("mei", b"wr0ng pass")[0] == 401
    done = ldapflow("authenticate", "mei", folder=flow.folder, stdin=PASSWORD + b"\n")
    assert (done.returncode, done.stdout) == (0, f"yes: {dn_of('mei')}, no account\n"), done.stderr
