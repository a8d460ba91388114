"""`ldapflow auth` and `ldapflow authenticate` as their users run them: Kafka, slapd and the program are real."""

import asyncio
import os
import pty
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.kafka import Publisher, create_topics
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings import Settings, load_settings
from tests.support.checking import found, settings_of
from tests.support.flow import RunningWorker, until
from tests.support.logging_on import PASSWORD, POLICY, TARGET, TOKEN, Caller, authentication_section, dn_of
from tests.support.program import ldapflow, lines, write_configuration
from tests.support.sink import entry_uuid
from tests.support.topics import topic_names

_WRONG = b"wr0ng pass"


@pytest.fixture(scope="module")
def staff() -> Iterator[Slapd]:
    """One slapd for all tests here."""
    with Slapd(POLICY) as server:
        yield server


def _configure(folder: Path, slapd: Slapd, kafka: Kafka, topic_prefix: str) -> int:
    """Write a configuration with the service; returns its port."""
    write_configuration(
        folder,
        slapd=slapd,
        kafka={
            "bootstrap_servers": kafka.bootstrap_servers,
            "account_partitions": 2,
            "topics": topic_names(topic_prefix),
        },
        connection={"allow_plaintext": True},
        sync={"target_entry_uuid": entry_uuid(slapd, TARGET)},
        authentication=authentication_section(folder),
    )
    return load_settings(folder / "ldapflow.yaml", {}).authentication.listen.port


def _write(settings: Settings, slapd: Slapd, user_id: str, uid: str, number: int, **fields: Any) -> None:
    """Write the state of an account that is bound to an entry."""
    binding = Binding(entry_uuid(slapd, dn_of(uid)), str(dn_of(uid)), entry_uuid(slapd, TARGET), 1)
    record = record_of(Kind.ACCOUNT, {"userId": user_id, **fields})
    state = State(record, 1, 1, 1, Status.APPLIED, 1, (1, number), binding=binding)

    async def write() -> None:
        async with Publisher(settings) as publisher:
            await publisher.send(settings.topics.account_states, user_id.encode(), encode_state(state))

    asyncio.run(write())


def test_the_service(tmp_path: Path, staff: Slapd, fresh_kafka: Callable[..., Kafka], topic_prefix: str) -> None:
    """From its start to SIGTERM: no topics yet, states that change, Kafka gone, callers without HTTP; and the log."""
    kafka = fresh_kafka()
    caller = Caller(_configure(tmp_path, staff, kafka, topic_prefix))
    settings = load_settings(tmp_path / "ldapflow.yaml", {})
    service = RunningWorker(tmp_path / "ldapflow.yaml", "auth", "auth")
    try:
        # Somebody might be disabled: nobody gets in before the states are known.
        waiting = (503, '{"ready":false,"reasons":{"states":"the account states are being read"}}')
        until(lambda: service.get("readyz") == waiting, "a service that waits for states", detail=service.log.read_text)
        assert caller.ask("mei")[0] == 503
        create_topics(settings)
        _write(settings, staff, "user_mei", "mei", 1)
        _write(settings, staff, "user_jo", "jo", 1, status="disabled")
        until(service.ready, "a service that is ready", detail=service.log.read_text)

        yes = {"authenticated": True, "dn": str(dn_of("mei")), "userId": "user_mei"}
        until(lambda: caller.ask("mei") == (200, yes), "the account of an entry")
        until(lambda: caller.ask("jo", b"password of jo") == _no("account_disabled"), "a disabled account")
        assert caller.ask("mei", _WRONG) == _no("invalid_credentials")

        _write(settings, staff, "user_mei", "mei", 2, accountExpireTime=round(time.time() * 1000))
        until(lambda: caller.ask("mei") == _no("account_expired"), "an account that has expired")

        kafka.kill()
        assert caller.ask("mei") == _no("account_expired")
        assert service.ready()

        # A Content-Length that is too small makes the rest of the body the next request.
        body = orjson.dumps({"login": "mei", "password": PASSWORD.decode()})
        bearer = f"Authorization: Bearer {TOKEN}"
        head = f"POST /v1/authenticate HTTP/1.1\r\nHost: a\r\n{bearer}\r\nContent-Length: 1\r\n\r\n"
        assert b" 400 " in caller.send(head.encode() + body + b"\r\n\r\n")
        assert b" 400 " in caller.send(f"POST / HTTP/1.1\r\n{bearer.replace(':', '')}\r\n\r\n".encode())

        metrics = service.get("metrics")[1]
        assert service.metric("ldapflow_authentications_total", result="account_disabled") > 0
    finally:
        code = service.stop()
    assert code == 0
    log = service.log.read_text()
    assert '"event":"logged_on"' in log
    assert "auth_ends" in log
    for secret in (PASSWORD, _WRONG, b"password of jo", TOKEN.encode(), staff.admin_password.encode()):
        assert secret.decode() not in log + metrics


def _no(reason: str) -> tuple[int, dict[str, Any]]:
    return 401, {"authenticated": False, "reason": reason}


def test_the_command(tmp_path: Path, kafka: Kafka, topic_prefix: str, fresh_slapd: Callable[..., Slapd]) -> None:
    """It gives the service's answers: 0 for yes, 3 for no; 1 when there is none."""
    slapd = fresh_slapd(POLICY)
    _configure(tmp_path, slapd, kafka, topic_prefix)
    settings = load_settings(tmp_path / "ldapflow.yaml", {})
    create_topics(settings)
    _write(settings, slapd, "user_mei", "mei", 1)
    _write(settings, slapd, "user_jo", "jo", 1, status="disabled")

    def run(*arguments: str, password: bytes = PASSWORD) -> tuple[int, str, list[str]]:
        done = ldapflow("authenticate", *arguments, folder=tmp_path, stdin=password + b"\n")
        return done.returncode, done.stdout.strip(), lines(done.stderr)

    assert _on_a_terminal(tmp_path, "authenticate", "mei@example.com") == f"yes: {dn_of('mei')}, account user_mei"
    assert run("jo", password=b"password of jo") == (3, "no: account_disabled", [])
    code, out, _ = run("--json", "mei", password=_WRONG)
    assert (code, orjson.loads(out)) == (3, _no("invalid_credentials")[1])
    slapd.stop()
    code, _, (line,) = run("mei")
    assert code == 1
    assert line.startswith(f"LDAP at {slapd.uri} does not answer: start it, or correct connection.server")


def _on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a command says to somebody at a terminal who types the password; nothing of that is seen."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "streams.cli.main", *arguments],
        cwd=folder,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    os.close(follower)
    seen, typed = b"", False
    # An OSError is how Linux says that nobody has the other end any more.
    with os.fdopen(leader, "r+b", buffering=0) as terminal, suppress(OSError):
        while octets := terminal.read(1000):
            seen += octets
            if b"Password: " in seen and not typed:
                typed = bool(terminal.write(PASSWORD + b"\n"))
    assert (process.wait(20), PASSWORD in seen) == (0, False)
    return seen.decode().rpartition("Password: ")[2].strip()


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("authentication", {"enabled": False}, "authentication.enabled is false"),
        ("connection", {"allow_plaintext": False}, "connection: the passwords of users may not travel unencrypted"),
        ("sync", {"target_entry_uuid": None}, "sync.target_entry_uuid is not recorded"),
    ],
)
def test_a_configuration_that_does_not_fit_is_one_line(
    tmp_path: Path, section: str, values: dict[str, Any], words: str
) -> None:
    token = tmp_path / "auth-token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    sections: dict[str, dict[str, Any]] = {
        "connection": {"allow_plaintext": True},
        "sync": {"target_entry_uuid": str(uuid.uuid4())},
        "authentication": {"enabled": True, "listen": "127.0.0.1:0", "token_file": token.name},
        "metrics": {"listen": "127.0.0.1:0"},
    }
    sections[section] |= values
    write_configuration(tmp_path, slapd=None, **sections)
    done = ldapflow("--log-format", "text", "auth", folder=tmp_path)
    (line,) = [line for line in lines(done.stderr) if "link_not_encrypted" not in line]
    assert (done.returncode, line.startswith(words)) == (2, True), line


async def test_check_tells_that_the_service_would_not_start(kafka: Kafka, staff: Slapd) -> None:
    """Because of users' passwords on an unencrypted link."""
    told = await found(settings_of(kafka, staff, authentication={"enabled": True, "token": "unused"}))
    (line,) = [line for lines in told.values() for line in lines if "`ldapflow auth` would not start so" in line]
    assert line.startswith("✗ ")
