"""`ldapflow check` as it is used, and what it finds on the way to a directory that lets it in."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

import orjson
import pytest
import trustme

from streams.authentication.application import LoginServer
from streams.authentication.bearer import BearerToken
from streams.checking.findings import Verdict
from streams.cli.main import run
from streams.metrics import Metrics
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions, TlsFiles
from streams.services.health import Health
from streams.settings import ListenAddress
from streams.worker import not_yet
from tests.support.checking import found, marks, settings_of
from tests.support.directory_dump import read_tree
from tests.support.program import ldapflow, lines, write_configuration
from tests.support.proxy import Proxy
from tests.support.sink import ADD, make_target, once
from tests.support.topics import topic_names


def test_its_remedies_lead_to_a_directory_that_can_be_run(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str
) -> None:
    """Without topics and pin it says 3 and which commands help; after these it says 0."""
    write_configuration(
        tmp_path,
        slapd=slapd,
        kafka={
            "bootstrap_servers": kafka.bootstrap_servers,
            "topics": topic_names(topic_prefix),
            "account_partitions": 1,
        },
        metrics={"listen": "127.0.0.1:0"},
    )
    first = ldapflow("check", "--json", folder=tmp_path)
    faults = {one["check"]: one["remedy"] for one in orjson.loads(first.stdout) if one["ok"] is False}
    assert first.returncode == 3
    assert faults == {"topics": "run `ldapflow topics create`", "target": "run `ldapflow pin` and restart"}
    for command in (["topics", "create"], ["pin"]):
        assert ldapflow(*command, folder=tmp_path).returncode == 0
    second = ldapflow("check", folder=tmp_path)
    assert (second.returncode, second.stderr) == (0, "")
    assert [line.split()[1] for line in lines(second.stdout) if line[0] == "✓"] == [
        "configuration:", "metrics:", "kafka:", "topics:", "connection:", "bind:", "target:", "write:", "lock:",
        "schema:", "schema:", "entries:",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_its_marks_is_shown_words(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, topic_prefix: str, encoding: str
) -> None:
    """What is good and what is not can be told there too."""
    servers = {"bootstrap_servers": kafka.bootstrap_servers, "topics": topic_names(topic_prefix)}
    write_configuration(tmp_path, slapd=slapd, kafka=servers)
    done = ldapflow("check", folder=tmp_path, environ={"PYTHONIOENCODING": encoding})
    assert (done.returncode, done.stderr) == (3, "")
    assert "ok kafka: " in done.stdout
    assert "\nFAULT topics: " in done.stdout


def test_a_configuration_that_cannot_be_read_is_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for every command: one line for each fault, on stderr."""
    path = write_configuration(tmp_path, sync={"disabled_accounts": "forget"})
    assert run(["--config", str(path), "check"]) == 2
    out, err = capsys.readouterr()
    assert (out, len(lines(err))) == ("", 1)


async def test_nothing_answers(kafka: Kafka, slapd: Slapd) -> None:
    """Both are told, and what needs them is not looked at."""
    settings = settings_of(
        kafka,
        slapd,
        kafka={"bootstrap_servers": f"127.0.0.1:{free_port()}"},
        connection={"server": f"ldap://127.0.0.1:{free_port()}", "allow_plaintext": True},
        sync={"passwords": True},
    )
    told = await found(settings)
    skipped = Verdict.SKIPPED.value
    assert marks(told, "configuration", "metrics", "kafka", "topics", "connection") == f"✓✓✗{skipped}✗"
    assert told["kafka"][0].endswith(
        "does not answer: start it, or correct kafka.bootstrap_servers or security.protocol in kafka.client"
    )
    assert told["connection"][0].endswith(": start it, or correct connection.server")
    later = ("bind", "target", "write", "lock", "passwords", "schema", "entries", "indexes")
    assert marks(told, *later) == skipped * len(later)


@pytest.mark.parametrize("wrong", [{"admin_password": "wrong"}, {"admin_dn": "cn=nobody,dc=example,dc=com"}])
async def test_who_may_not_log_on_is_told(kafka: Kafka, slapd: Slapd, wrong: Mapping[str, str]) -> None:
    """LDAP does not say which of the two is wrong, and the password is not told."""
    told = await found(settings_of(kafka, slapd, connection=wrong))
    [line] = told["bind"]
    assert line.endswith("cannot log on (bind: invalidCredentials(49)): correct connection.admin_dn or the password")
    assert marks(told, "connection") == "✓"


async def test_a_server_that_says_nothing_is_told(kafka: Kafka, slapd: Slapd, proxy: Callable[..., Proxy]) -> None:
    """It takes the connection, as a frozen one does."""
    front = proxy(slapd.port)
    front.drop_replies(True)
    connection = {"server": f"ldap://127.0.0.1:{front.port}", "operation_timeout_seconds": 0.3}
    told = await found(settings_of(kafka, slapd, connection=connection))
    assert told["bind"][0].endswith(": see that an LDAP server is on that port, and well")


async def test_passwords_need_an_encrypted_link(kafka: Kafka, slapd: Slapd) -> None:
    """Also on this machine, unless it is allowed."""
    told = await found(settings_of(kafka, slapd, sync={"passwords": True}))
    assert marks(told, "connection") == "✗"
    allowed = await found(settings_of(kafka, slapd, sync={"passwords": True}, connection={"allow_plaintext": True}))
    assert marks(allowed, "connection") == "✓"


async def test_a_package_that_is_missing_is_told(kafka: Kafka, slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker would refuse to start."""
    monkeypatch.setattr(not_yet, "find_spec", lambda _: None)
    told = await found(settings_of(kafka, slapd, state_store="rocksdb"))
    assert marks(told, "configuration") == "✗"


async def test_a_port_that_somebody_else_has_is_told(kafka: Kafka, slapd: Slapd) -> None:
    """A worker would not start."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        told = await found(settings_of(kafka, slapd, metrics={"listen": f"127.0.0.1:{port}"}))
    assert told["metrics"] == [
        f"✗ metrics.listen: 127.0.0.1:{port} is in use: stop the other process, or give --metrics-listen HOST:PORT"
    ]


async def test_a_port_that_a_worker_has_is_well(kafka: Kafka, slapd: Slapd) -> None:
    """A check beside a running worker finds no fault."""
    health = Health(Metrics("x", version("ldapflow")), dict)
    port = await health.start(ListenAddress("127.0.0.1", 0))
    told = await found(settings_of(kafka, slapd, metrics={"listen": f"127.0.0.1:{port}"}))
    await health.stop()
    assert told["metrics"] == [f"✓ a process of ldapflow serves 127.0.0.1:{port} already"]


async def test_what_auth_needs_is_looked_at(kafka: Kafka, slapd: Slapd, tmp_path: Path) -> None:
    """Its port and its certificate; one that runs already is well, and hears of nothing that it would count."""
    section = {"enabled": True, "token": "unused", "listen": f"127.0.0.1:{free_port()}"}
    settings = settings_of(kafka, slapd, authentication=section)
    assert (await found(settings))["auth"] == [f"✓ {section['listen']} is free for HTTP"]
    server = LoginServer(settings.authentication, BearerToken(settings.authentication), metrics := Metrics())
    await server.start()
    try:
        assert (await found(settings))["auth"] == [f"✓ a process of ldapflow serves {section['listen']} already"]
    finally:
        await server.stop()
    assert {sample.value for family in metrics.authentications.collect() for sample in family.samples} == {0}
    for name in ("tls_certificate", "tls_key"):
        (tmp_path / name).touch(mode=0o600)
        section[name] = str(tmp_path / name)
    [line] = (await found(settings_of(kafka, slapd, authentication=section)))["auth"]
    assert line.startswith("✗ authentication.tls_certificate: ")


async def test_a_port_that_is_not_auths_is_a_fault(kafka: Kafka, slapd: Slapd) -> None:
    """Somebody else serves it."""
    health = Health(Metrics("x", version("ldapflow")), dict)
    port = await health.start(ListenAddress("127.0.0.1", 0))
    section = {"enabled": True, "token": "unused", "listen": f"127.0.0.1:{port}"}
    told = await found(settings_of(kafka, slapd, authentication=section))
    await health.stop()
    assert told["auth"][0].startswith(f"✗ authentication.listen: 127.0.0.1:{port} is in use: stop")


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for `localhost` of an authority that no system trusts."""
    folder = tmp_path_factory.mktemp("tls")
    files = TlsFiles(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(files.certificate)
    issued.private_key_pem.write_to_path(files.key)
    authority.cert_pem.write_to_path(files.authority)
    return files


@pytest.fixture(scope="module")
def tls_slapd(tls_files: TlsFiles) -> Iterator[Slapd]:
    """A slapd that speaks TLS."""
    with Slapd(SlapdOptions(tls=tls_files, policy={})) as server:
        yield server


async def test_a_certificate_is_refused_until_it_is_pinned_or_its_authority_is_trusted(
    kafka: Kafka, tls_slapd: Slapd, tls_files: TlsFiles
) -> None:
    """By LDAPS and by StartTLS."""
    ldaps = {"server": f"ldaps://localhost:{tls_slapd.ldaps_port}"}
    start_tls = {"server": f"ldap://localhost:{tls_slapd.port}", "start_tls": True}
    other = {"certificate_fingerprints": ["sha256:" + "AB" * 32]}
    untrusted = await found(settings_of(kafka, tls_slapd, connection=ldaps))
    unpinned = await found(settings_of(kafka, tls_slapd, connection={**start_tls, **other}))
    for told in (untrusted, unpinned):
        assert marks(told, "connection", "bind") == f"✗{Verdict.SKIPPED.value}"
        assert "run `ldapflow fingerprint --pin`" in told["connection"][0]
    seen = unpinned["connection"][0].split()[5].rstrip(",")
    pinned = await found(settings_of(kafka, tls_slapd, connection={**ldaps, "certificate_fingerprints": [seen]}))
    assert pinned["connection"][0].endswith(f"by TLS, its certificate is pinned: {seen}")
    trusted = await found(settings_of(kafka, tls_slapd, connection={**start_tls, "ca_file": tls_files.authority}))
    assert trusted["connection"][0].endswith(f"by StartTLS, its certificate is trusted by {tls_files.authority}")


@pytest.mark.parametrize("number", [1, 2], ids=["write", "lock"])
def test_an_interrupted_check_leaves_no_probe(
    tmp_path: Path, kafka: Kafka, slapd: Slapd, proxy: Callable[..., Proxy], number: int
) -> None:
    """Ctrl-C comes just before the server adds the first or the second probe."""
    target, target_uuid = make_target(slapd)
    front = proxy(slapd.port)
    write_configuration(
        tmp_path,
        slapd=slapd,
        kafka={"bootstrap_servers": kafka.bootstrap_servers},
        metrics={"listen": "127.0.0.1:0"},
        connection={"server": f"ldap://127.0.0.1:{front.port}"},
        sync={"target_dn": str(target), "target_entry_uuid": target_uuid},
    )

    def interrupt() -> None:
        process.send_signal(signal.SIGINT)
        front.delay(0.2)  # the interruption is there before the reply

    def first() -> None:
        front.on_request = once(ADD, interrupt)

    front.on_request = once(ADD, interrupt if number == 1 else first)
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli.main", "check"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"")
    assert "✓ target".encode() in out
    assert list(read_tree(slapd, str(target))) == [str(target)]
