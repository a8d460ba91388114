"""A part is lost altogether, or comes back from a backup: the others bring it up to date (docs/operations.md)."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.faults.faulty_run import NO_GUARD
from tests.support.broker import make_anew
from tests.support.damage import company
from tests.support.directory_dump import admin_connection, read_tree
from tests.support.flow import Flow, until
from tests.support.identity_source import IdentitySource, entry_uuids
from tests.support.program import ldapflow

_SIZE = 50
# Entries carry the ids of their accounts and organizations: that alone tells whose they are when all else is lost.
_USERS = {"id_attribute": "employeeNumber"}
_ORGANIZATIONS = {"id_attribute": "businessCategory"}
_OPERATIONAL = (
    *("structuralObjectClass", "entryUUID", "entryCSN"),
    *("creatorsName", "createTimestamp", "modifiersName", "modifyTimestamp"),
)


@dataclass
class Company:
    """An installation with one worker; the directory holds what its source does."""

    flow: Flow
    source: IdentitySource
    published: int = 0

    def tell(self) -> None:
        """Publish the source's new events and wait until they are done."""
        self.flow.publish(self.source.events[self.published :])
        self.published = len(self.source.events)
        self.flow.settle(self.source)

    def push(self) -> None:
        """Publish the whole record of everything that the source holds, as a person does."""
        held = {*self.source.organizations, *self.source.accounts}
        lines = {event.key: event.line() for event in self.source.events if event.key in held}
        file = self.flow.folder / "all.jsonl"
        file.write_bytes(b"".join(lines.values()))
        self.run("publish", "--push", file.name)
        self.published = len(self.source.events)
        until(self.flow.is_idle, "the end of the push", detail=lambda: "\n".join(self.flow.tails()))

    def lose(self, *topics: str) -> None:
        """Delete topics while no worker runs, and create them again."""
        self.flow.workers.pop().stop()
        make_anew(self.flow.settings, *topics)
        self.run("topics", "create")

    def run(self, *command: str) -> str:
        """Run a command that must succeed; what it says."""
        done = ldapflow(*command, folder=self.flow.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def one_leaves(self) -> str:
        """Somebody is deleted; the DN of the entry as it was."""
        leaver = self.source.accounts[max(self.source.accounts)]
        dn = next(dn for dn in read_tree(self.flow.slapd) if dn.startswith(f"uid={leaver.username},"))
        self.source.delete_account(leaver.id)
        return dn

    def remove(self, dn: str) -> None:
        """What a person does with an entry that belongs to nobody."""
        with admin_connection(self.flow.slapd) as connection:
            connection.delete(dn)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Company]:
    """One for all tests; each leaves it whole."""
    folder, name = tmp_path_factory.mktemp("company"), f"t{uuid.uuid4().hex[:12]}"
    with (
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(folder, kafka, slapd, name, sync=NO_GUARD, users=_USERS, organizations=_ORGANIZATIONS) as flow,
    ):
        flow.worker()
        yield Company(flow, company(_SIZE))


@pytest.fixture
def whole(existing: Company) -> Company:
    """It, when all is well."""
    existing.tell()
    return existing


def test_after_all_topics_are_lost_a_full_push_finds_every_entry_again(whole: Company) -> None:
    """Also the topics that could tell of the loss: no entry is written at all, and each is somebody's again."""
    flow = whole.flow
    before = read_tree(flow.slapd)
    whole.lose(*flow.settings.topics.all)
    flow.worker()
    whole.push()
    whole.run("verify", "--dry-run")
    assert read_tree(flow.slapd) == before
    assert bindings(flow) == {
        entry["entryUUID"][0].decode() for dn, entry in before.items() if dn != flow.slapd.target_dn
    }


def test_after_events_and_states_are_lost_a_full_push_finds_also_who_was_renamed_meanwhile(whole: Company) -> None:
    """By the id that the entry carries. Nobody is deleted, not even who left meanwhile: nobody can tell."""
    flow, topics = whole.flow, whole.flow.settings.topics
    before = entry_uuids(flow.slapd)
    whole.lose(topics.organization_events, topics.account_events, topics.organization_states, topics.account_states)
    whole.source.change_account("a1", username="renamed-meanwhile")
    left = whole.one_leaves()
    worker = flow.worker(wait=False)
    until(lambda: "resync_needed" in worker.get("readyz")[1], "the finding", detail=worker.log.read_text)
    whole.push()
    whole.run("verify")
    until(worker.ready, "a worker that is ready")
    assert sorted(entry_uuids(flow.slapd).values()) == sorted(before.values())
    whole.remove(left)
    flow.settle(whole.source)


@pytest.mark.parametrize(
    "has_entry_uuids",
    [pytest.param(True, id="slapcat"), pytest.param(False, id="plain LDIF", marks=pytest.mark.soak)],
)
def test_a_directory_from_an_older_backup_is_brought_up_to_date(whole: Company, has_entry_uuids: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Who came, changed, moved or was renamed since; whoever left is nobody's, and told as that."""
    flow, source = whole.flow, whole.source
    backup = slapcat(flow.slapd)
    before = entry_uuids(flow.slapd)
    suffix = uuid.uuid4().hex
    source.change_account("a1", username=f"user1-{suffix}")
    source.change_account("a2", mail=f"{suffix}@example.com")
    source.move_account("a3", "l0" if source.accounts["a3"].homes == ["t0"] else "t0")
    source.rename_organization("m0", f"Middle {suffix}")
    source.add_account(f"a0{suffix}", f"new-{suffix}", "m0")
    left = whole.one_leaves()
    whole.tell()
    restore(flow.slapd, backup if has_entry_uuids else plain(backup))
    if has_entry_uuids:
        until(flow.workers[0].ready, "a worker that is ready")
        whole.run("verify")
    else:
        whole.run("pin")
        flow.workers.pop().stop()
        flow.worker()
        whole.run("verify", "--rebind")
    assert whole.run("verify", "--dry-run").count("the source deleted it") == 1
    rest = {dn: entry for dn, entry in read_tree(flow.slapd).items() if dn.partition(",")[0] == left.partition(",")[0]}
    assert len(rest) == 1
    whole.remove(*rest)
    flow.settle(source)
    kept = {*entry_uuids(flow.slapd).values()} & {*before.values()}
    assert len(kept) == (len(source.accounts) - 1 if has_entry_uuids else 0)


def bindings(flow: Flow) -> set[str]:
    """The entryUUIDs in all states."""
    topics = flow.settings.topics
    states = (*flow.states(topics.organization_states).values(), *flow.states(topics.account_states).values())
    return {state["binding"]["entryUUID"] for state in states}


def slapcat(slapd: Slapd) -> str:
    """A backup, taken while slapd runs."""
    return _tool(slapd, "cat")


def restore(slapd: Slapd, ldif: str) -> None:
    """Put it into an empty database."""
    data = slapd.folder / "data"
    slapd.stop()
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    _tool(slapd, "add", stdin=ldif)
    slapd.start()


def plain(ldif: str) -> str:
    """The same without operational attributes, as an export over LDAP has it: slapd gives new entryUUIDs."""
    names = tuple(f"{name}:" for name in _OPERATIONAL)
    return "".join(line for line in ldif.splitlines(keepends=True) if not line.startswith(names))


def _tool(slapd: Slapd, name: str, stdin: str = "") -> str:
    copy = slapd.folder / "slapd"  # where AppArmor lets the installed one read nothing here
    program = copy if copy.exists() else Path("/usr/sbin/slapd")
    done = subprocess.run(  # noqa: S603 - slapcat and slapadd are slapd by other names
        [program, "-T", name, "-b", slapd.suffix, "-f", slapd.folder / "slapd.conf"],
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
