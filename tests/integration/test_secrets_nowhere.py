"""Secrets are nowhere but where they came from: a run with known ones in every place, and a search in all it left."""

import io
import logging
import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from confluent_kafka import Message

from ldap_sink.trust import fingerprint
from streams.cli import invocation
from streams.cli.main import run
from streams.kafka import Cluster
from streams.kafka import Message as Outgoing
from streams.kafka.publisher import publish_all
from streams.logs import configure_logging
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings.directory import directory_settings
from streams.worker.delivery.kafka_security import kafka_security
from tests.support.certificates import Authority
from tests.support.directory_dump import read_tree
from tests.support.flow import Flow, RunningWorker, until
from tests.support.loud import fall_silent, speak_up
from tests.support.secured_kafka import PASSWORD, SecuredKafka

_MARK: Final = b"s3cret"  # is part of every secret but the directory's own
_TOKEN: Final = "token-s3cret"  # noqa: S105 - of a service that does not run
_PREFIX: Final = "urn:alibaba:idaas:app:event:"
_PLACES: Final = ("logs", "topics", "pages", "commands", "arguments", "reprs", "directory")


def _account(identifier: str, **more: Any) -> dict[str, Any]:
    """A record with a password at every depth."""
    return {
        "userId": identifier,
        "username": identifier,
        "displayName": identifier,
        "password": f"top-s3cret-{identifier}",
        "organizationalUnits": [{"organizationalUnitId": "rd", "adminPassword": "unit-s3cret"}],
        "customFields": [
            {"fieldName": "password", "fieldValue": "custom-s3cret"},
            {"fieldName": "level", "fieldValue": "7", "secret": "beside-s3cret"},
        ],
        "extra": {"deep": [{"deeper": {"userPassword": {"value": "deep-s3cret"}}}]},
        **more,
    }


def _event(kind: str, data: dict[str, Any], *, text: bool = False, **envelope: Any) -> bytes:
    value = orjson.dumps(data).decode() if text else data
    return orjson.dumps({"eventType": f"{_PREFIX}{kind}", "bizData": value, **envelope})


_ORGANIZATION: Final = _event(
    "ud:organizational_unit:create",
    {"organizationalUnitId": "rd", "organizationalUnitName": "R&D", "parentId": "ou_root", "password": "ou-s3cret"},
)
_GOOD: Final = [
    _event("ud:user:create", _account("a1"), text=True, password="envelope-s3cret"),  # noqa: S106 - is looked for
    _event("ud:user:create", _account("a2")),
    _event("ud:user:update_password", {"userId": "a1", "password": "changed-s3cret"}),
]
_REFUSED: Final = [_event("ud:user:create", _account("bad", email="jö@example.com"), text=True)]
_BROKEN: Final = [
    b'{"eventType": "ud:user:create", "bizData": {"userId": "x", "password": "raw-s3cret"',
    orjson.dumps({"eventType": "ud:user:create", "bizData": '{"userId": "x", "password": "half-s3cret"'}),
    _event("ud:user:conjure", _account("x")),
    _event("ud:user:create", _account("y"), eventTime="99999999999999"),
    _event("ud:user:create", {**_account("x"), "userId": ["x"], "pin": {"pwd": "list-s3cret"}}),
    _event("ud:user:create", _account("x", password={"nested-s3cret": []}), text=True, eventTime="soon"),
]


@dataclass
class Found:
    """What a run left behind, by place; and the directory's passwords, which have no mark."""

    secrets: tuple[bytes, ...]
    places: dict[str, bytes] = field(default_factory=dict)
    inputs: bytes = b""

    def note(self, place: str, *texts: bytes | str) -> None:
        """Add to a place."""
        all_of_it = b"\n".join(text if isinstance(text, bytes) else text.encode() for text in texts)
        self.places[place] = self.places.get(place, b"") + b"\n" + all_of_it

    def leaks(self, text: bytes) -> list[bytes]:
        """What stands around every secret in a text."""
        return [text[max(0, at - 60) : at + 30] for secret in self.secrets for at in [text.find(secret)] if at >= 0]


@pytest.fixture(scope="module")
def found(secured: SecuredKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """One run of everything, at debug level; both links are encrypted, as they should be where there are secrets."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "token").touch(mode=0o600)
    (folder / "token").write_text(_TOKEN)
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("KAFKA_PASSWORD", PASSWORD)
        patch.setattr(invocation, "configure_logging", speak_up)
        files = Authority.make(folder).issue("slapd", "localhost")
        slapd = stack.enter_context(Slapd(SlapdOptions(policy={}, tls=files)))
        flow = Flow(
            folder,
            secured.broker,
            slapd,
            "secrets",
            kafka={
                "bootstrap_servers": f"localhost:{secured.broker.login_port}",
                "client": {**secured.login, "sasl.password": "${KAFKA_PASSWORD}"},
            },
            connection={"start_tls": True, "certificate_fingerprints": [_fingerprint(files.certificate)]},
            authentication={"enabled": True, "token_file": "token"},
        )
        stack.callback(configure_logging, "json", "ERROR")
        stack.callback(fall_silent)
        stack.enter_context(flow)
        yield _run(flow)


def _fingerprint(certificate: Path) -> str:
    return fingerprint(ssl.PEM_cert_to_DER_cert(certificate.read_text()))


def _run(flow: Flow) -> Found:
    found = Found((_MARK, flow.slapd.admin_password.encode()))
    worker = RunningWorker(flow.configuration, "worker", program="tests.support.loud")
    flow.workers.append(worker)
    until(worker.ready, "a worker that is ready", detail=lambda: worker.log.read_text()[-3000:])
    lines = flow.folder / "events.jsonl"
    lines.write_bytes(b"\n".join([_ORGANIZATION, *_GOOD, *_REFUSED]))
    _command(flow, found, "publish", str(lines))
    accounts = flow.settings.topics.account_events
    publish_all(flow.settings, [Outgoing(accounts, b"x", value) for value in _BROKEN], lambda _: None)
    letters = len(_REFUSED) + len(_BROKEN)
    until(
        lambda: worker.metric("ldapflow_dead_letters_total") == letters and flow.is_idle(),
        "all dead letters",
        detail=lambda: worker.log.read_text()[-3000:],
    )
    _use_all_commands(flow, found, letters)
    found.note("pages", *(worker.get(page)[1] for page in ("metrics", "readyz", "healthz")))
    found.note("arguments", *(path.read_bytes() for path in _processes()))
    _look_into_topics(flow, found)
    worker.stop()
    found.note("logs", worker.log.read_bytes())
    settings = flow.settings
    for thing in (settings, settings.kafka, directory_settings(settings), kafka_security(settings), flow.slapd):
        found.note("reprs", repr(thing), str(thing))
    found.note("directory", repr(read_tree(flow.slapd)))
    return found


def _use_all_commands(flow: Flow, found: Found, letters: int) -> None:
    broken = flow.folder / "broken.jsonl"
    broken.write_bytes(b"\n".join(_BROKEN))
    record = flow.folder / "record.jsonl"
    record.write_bytes(_event("ud:user:update_info", _account("a2", displayName="Other"), text=True))
    for arguments in (
        *(("explain", identifier) for identifier in ("a1", "bad")),
        ("explain", "--json", "a2"),
        ("explain", "--record", str(record)),
        ("publish", str(broken)),
        ("dead-letters", "list", "--json"),
        ("dead-letters", "show", "0"),
        ("dead-letters", "show", "--json", "1"),
        ("dead-letters", "show", str(letters - 1)),
        ("check",),
        ("fingerprint",),
        ("verify",),
        ("jobs", "--json"),
    ):
        _command(flow, found, *arguments)
    # A password that is refused is not told either.
    password = flow.folder / "ldap-password"
    password.write_text("wrong-s3cret")
    _command(flow, found, "check")
    _command(flow, found, "pin")
    password.write_text(flow.slapd.admin_password)


def _command(flow: Flow, found: Found, *arguments: str) -> None:
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        run(["--config", str(flow.configuration), *arguments])
    found.note("commands", f"$ {arguments}", output.getvalue())


def _processes() -> Iterator[Path]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            path.read_bytes()
        except OSError:  # it has ended
            continue
        yield path


def _look_into_topics(flow: Flow, found: Found) -> None:
    topics = flow.settings.topics
    inputs = {topics.organization_events, topics.account_events}
    with Cluster(flow.settings) as cluster:
        names = [name for name in cluster.partition_counts() if name.startswith(flow.name)]
    for name in names:
        texts = [part for message in flow.messages(name) for part in _parts(message)]
        if name in inputs:
            found.inputs += b"\n".join(texts)
        else:
            found.note("topics", *texts)


def _parts(message: Message) -> Iterator[bytes]:
    headers: Mapping[str, Any] = dict(message.headers() or ())
    for part in (message.key(), message.value(), *headers.values()):
        if part is not None:
            yield part.encode() if isinstance(part, str) else part


@pytest.mark.parametrize("place", _PLACES)
def test_no_secret_is_in(found: Found, place: str) -> None:
    """Each place was looked into, and holds something."""
    assert found.leaks(found.places[place]) == []
    assert len(found.places[place]) > 100


def test_the_search_finds_what_lies_on_the_input_topics(found: Found) -> None:
    """All of them: what the source sends is kept where only its readers may look."""
    marks = ("top", "unit", "custom", "beside", "deep", "ou", "envelope", "changed", "raw", "half", "nested", "list")
    assert [mark for mark in marks if f"{mark}-s3cret".encode() not in found.inputs] == []


def test_the_run_reached_every_place_where_a_secret_could_have_gone(found: Found) -> None:
    """Debug lines of ours and of the libraries; states, dead letters and jobs; answers to every command."""
    logs, topics, commands = (found.places[place] for place in ("logs", "topics", "commands"))
    assert all(word in logs for word in (b'"level":"debug"', b"aiokafka", b"faust", b"asyncio"))
    assert all(word in topics for word in (b'"a1"', b"refused_by_directory", b"not_json", b'"level"'))
    assert all(word in commands for word in (b"invalidCredentials", b"\xe2\x9c\x93 write", b"dead letter"))
    assert logging.getLogger().handlers
