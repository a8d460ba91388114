"""`ldapflow check` on real servers: what it proves, what it finds, and that its remedies help."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pytest
import trustme
from ldap3.core.exceptions import LDAPOperationResult

from ldap_sink.reading import read_subschema
from ldap_sink.session import open_session
from streams.checking.findings import Verdict
from streams.checking.plan import check_everything
from streams.checking.schema_checks import schema_findings
from streams.cli.main import run
from streams.metrics import Metrics
from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions, TlsFiles
from streams.sandbox.slapd_configuration import DATABASE_CONFIG_DN
from streams.services.health import Health
from streams.settings import ListenAddress, Settings
from streams.settings.directory import directory_settings
from tests.support.directory_dump import read_tree
from tests.support.program import ldapflow, lines, write_configuration
from tests.support.proxy import Proxy
from tests.support.sink import ADD, leave_probe, make_target, once, write

Found = dict[str, list[str]]


def settings_of(broker: Kafka, slapd: Slapd, /, **sections: Any) -> Settings:
    """A configuration whose target is one of the test's own, and pinned."""
    target, target_uuid = make_target(slapd)
    base: dict[str, Any] = {
        "kafka": {"bootstrap_servers": broker.bootstrap_servers},
        "metrics": {"listen": "127.0.0.1:0"},
        "connection": {
            "server": slapd.uri,
            "admin_dn": slapd.admin_dn,
            "admin_password": slapd.admin_password,
        },
        "sync": {"target_dn": str(target), "target_entry_uuid": target_uuid},
    }
    for name, values in sections.items():
        base[name] = {**base.get(name, {}), **values} if isinstance(values, dict) else values
    return Settings.model_validate(base)


def as_sync(slapd: Slapd) -> dict[str, str]:
    """The connection of the administrator whom rules and limits bind."""
    return {"admin_dn": slapd.sync_dn, "admin_password": slapd.sync_password}


async def found(settings: Settings) -> Found:
    """What is found, by check: each line without the check's name."""
    told: Found = {}
    async with aclosing(check_everything(Path("x.yaml"), settings, lambda _: nullcontext(lambda _: None))) as findings:
        async for line in findings:
            told.setdefault(line.check, []).append(str(line).replace(f" {line.check}: ", " ", 1))
    return told


def marks(told: Found, *checks: str) -> str:
    """The marks of some checks."""
    return "".join(line[0] for check in checks for line in told[check])


def configure(slapd: Slapd, dn: str, line: str) -> None:
    """Add one line to the server's configuration."""
    attribute = line.partition(":")[0]
    slapd.modify_configuration(f"dn: {dn}\nchangetype: modify\nadd: {attribute}\n{line}\n")


def topic_names(prefix: str) -> dict[str, str]:
    """Topics that no other test has."""
    names = ["idaas.organizations", "idaas.accounts"]
    names += [f"ldapflow.{name}" for name in ("organizations", "accounts", "dead-letters", "control", "jobs")]
    return {name: f"{prefix}.{name}" for name in names}


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
        connection={"server": f"ldap://127.0.0.1:{free_port()}"},
    )
    told = await found(settings)
    skipped = Verdict.SKIPPED.value
    assert marks(told, "configuration", "metrics", "kafka", "topics", "connection") == f"✓✓✗{skipped}✗"
    assert told["kafka"][0].endswith(
        "does not answer: start it, or correct kafka.bootstrap_servers or security.protocol in kafka.client"
    )
    assert told["connection"][0].endswith(": start it, or correct connection.server")
    later = ("bind", "target", "write", "lock", "schema", "entries", "indexes", "policy")
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


async def test_what_this_version_does_not_do_is_told(kafka: Kafka, slapd: Slapd) -> None:
    """A worker would refuse to start."""
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


async def test_a_target_that_is_missing_is_told_before_one_that_is_not_pinned(kafka: Kafka, slapd: Slapd) -> None:
    """The schema is looked at all the same."""
    target = "ou=none,dc=example,dc=com"
    told = await found(settings_of(kafka, slapd, sync={"target_dn": target, "target_entry_uuid": None}))
    assert told["target"] == [f"✗ there is no {target}: create it, or correct sync.target_dn"]
    assert marks(told, "schema") == "✓✓"


async def test_nothing_is_written_to_another_target(kafka: Kafka, slapd: Slapd) -> None:
    """Not even a probe."""
    settings = settings_of(kafka, slapd, sync={"target_entry_uuid": "00000000-0000-4000-8000-000000000000"})
    before = read_tree(slapd, str(settings.sync.target_dn))
    told = await found(settings)
    assert "expected 00000000-0000-4000-8000-000000000000" in told["target"][0]
    assert read_tree(slapd, str(settings.sync.target_dn)) == before


async def test_probes_are_gone_afterwards(kafka: Kafka, slapd: Slapd) -> None:
    """An older one, that a killed process left, too."""
    settings = settings_of(kafka, slapd)
    target = settings.sync.target_dn
    leave_probe(slapd, target)
    told = await found(settings)
    assert marks(told, "write", "lock") == "✓✓"
    assert list(read_tree(slapd, str(target))) == [str(target)]


async def test_a_server_that_takes_no_writes_is_told(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """What only reads is looked at all the same."""
    slapd = fresh_slapd()
    settings = settings_of(kafka, slapd)
    slapd.set_read_only(True)
    told = await found(settings)
    assert told["write"][0].startswith("✗ nothing can be written below ")
    assert marks(told, "lock", "entries") == f"{Verdict.SKIPPED.value}✓"


async def test_a_lock_that_keeps_nobody_out_is_told(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """With the ways out; where nobody is to be locked, it is not looked at."""
    slapd = fresh_slapd(SlapdOptions())
    told = await found(settings_of(kafka, slapd))
    assert told["lock"][0].startswith("✗ a locked account could log on: ")
    assert "pwdLockout TRUE, or choose `disabled_accounts: keep` or `disabled_accounts: remove`" in told["lock"][0]
    kept = await found(settings_of(kafka, slapd, sync={"disabled_accounts": "keep"}))
    assert "lock" not in kept


async def test_the_limit_that_it_names_is_the_one_to_raise(kafka: Kafka, fresh_slapd: Callable[..., Slapd]) -> None:
    """A verification would see a part of the tree only."""
    slapd = fresh_slapd(SlapdOptions(size_limit=3, policy={}))
    settings = settings_of(kafka, slapd, connection=as_sync(slapd))
    write(slapd, lambda admin: [admin.add(f"ou={x},{settings.sync.target_dn}", "organizationalUnit") for x in "abcdef"])
    [fault] = (await found(settings))["entries"]
    assert fault.startswith("✗ a limit of the server cuts off the reading of the whole target ")
    configure(slapd, DATABASE_CONFIG_DN, fault.split("`")[1])
    assert (await found(settings))["entries"] == ["✓ 6 entries below the target could be read"]


async def test_the_indexes_that_it_names_are_those_that_are_missing(
    kafka: Kafka, fresh_slapd: Callable[..., Slapd]
) -> None:
    """Where the administrator may read cn=config; who the rootdn is, it knows then too."""
    slapd = fresh_slapd()
    configure(slapd, "olcDatabase={0}config,cn=config", f'olcAccess: to * by dn.exact="{slapd.admin_dn}" read')
    settings = settings_of(kafka, slapd, users={"id_attribute": "employeeNumber"})
    told = await found(settings)
    [advice] = told["indexes"]
    assert advice == (
        "! employeeNumber is searched for and has no eq index, so each search reads the whole database:"
        f" add `olcDbIndex: employeeNumber eq` to {DATABASE_CONFIG_DN}"
    )
    assert told["policy"][0].startswith("! connection.admin_dn is the rootdn")
    configure(slapd, DATABASE_CONFIG_DN, advice.split("`")[1])
    assert (await found(settings))["indexes"] == ["✓ entryUUID, uid, employeeNumber are indexed"]


async def test_indexes_that_cannot_be_read_are_no_fault(kafka: Kafka, slapd: Slapd) -> None:
    """Most administrators may not read cn=config: told once, with what must be there."""
    told = await found(settings_of(kafka, slapd))
    [advice] = told["indexes"]
    assert advice.startswith("! cn=config may not be read, so the indexes are not known: ")
    assert advice.endswith(" has `olcDbIndex: entryUUID eq`, `olcDbIndex: uid eq`")


PERSON = {"uid": "x", "cn": "x", "sn": "x"}


@pytest.mark.parametrize(
    ("classes", "values"),
    [
        (["inetOrgPerson"], {"cn": "x", "uid": "x"}),
        (["inetOrgPerson"], {**PERSON, "uidNumber": "1"}),
        (["inetOrgPerson"], {**PERSON, "entryCSN": "20260101000000.000000Z#000000#000#000000"}),
        (["inetOrgPerson"], {**PERSON, "employeeNumber": ["1", "2"]}),
        (["inetOrgPerson"], {**PERSON, "nope": "x"}),
        (["inetOrgPerson", "account"], PERSON),
        (["inetOrgPerson", "nope"], PERSON),
        (["extensibleObject"], PERSON),
    ],
)
async def test_what_slapd_refuses_is_a_fault_before(
    kafka: Kafka, slapd: Slapd, classes: Sequence[str], values: Mapping[str, Any]
) -> None:
    """Each of these entries, and no other sort of fault."""
    rows = [{"attribute": name, "constant": value} for name, value in values.items()]
    settings = settings_of(kafka, slapd, users={"object_classes": classes, "mapping": rows})
    connection = await open_session(directory_settings(settings))
    subschema = await read_subschema(connection, settings.sync.target_dn)
    await connection.close()
    faults = [one for one in schema_findings(settings, subschema) if one.verdict is Verdict.FAULT]
    with pytest.raises(LDAPOperationResult):
        write(slapd, lambda admin: admin.add(f"uid=x,{settings.sync.target_dn}", classes, values))
    assert len(faults) == 1


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
        assert "write its fingerprint into connection.certificate_fingerprints" in told["connection"][0]
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
