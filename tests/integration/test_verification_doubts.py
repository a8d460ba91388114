"""A verification that has reason to doubt keeps its hands off, and says why."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from ruamel.yaml import YAML

from schemas.jobs import JobState
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd, SlapdOptions
from streams.settings import Settings, load_settings
from streams.verifier import run
from tests.support.damage import company
from tests.support.directory_dump import Tree, admin_connection, read_tree
from tests.support.flow import Flow, until
from tests.support.program import ldapflow
from tests.support.topics import topic_names
from tests.support.verification import Counted, counted, counted_states, lines, verify

SIZE = 50


@pytest.fixture(scope="module")
def synchronized(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Flow]:
    """A tree that a worker made, which has ended since: whatever is written now, it was not asked to write."""
    folder = tmp_path_factory.mktemp("doubts")
    options = SlapdOptions(policy={}, size_limit=20)
    with Slapd(options) as slapd, Flow(folder, kafka, slapd, folder.name) as flow:
        flow.publish(company(SIZE).events)
        worker = flow.worker()
        until(flow.is_idle, "an idle worker")
        worker.stop()
        yield flow


def other_settings(flow: Flow, name: str, **sections: Mapping[str, Any]) -> Settings:
    """The same configuration with some values changed."""
    document = YAML(typ="safe").load(flow.configuration)
    for section, values in sections.items():
        document[section] |= values
    path = flow.folder / f"{name}.yaml"
    path.write_bytes(orjson.dumps(document))
    return load_settings(path, {})


def prove_untouched(flow: Flow, settings: Settings, before: Tree, *words: str) -> None:
    """A run that is asked to correct stops, says the words, asks nothing of any worker, and deletes nothing."""
    topic = flow.settings.topics.account_events
    events = len(flow.messages(topic))
    job = verify(settings, approve=True)
    assert job.state is JobState.STOPPED
    assert [word for word in words if word not in (job.detail or "")] == []
    assert counted(job) == {}
    assert len(flow.messages(topic)) == events
    assert read_tree(flow.slapd, flow.slapd.suffix) == before


def test_an_empty_snapshot_deletes_nothing(synchronized: Flow) -> None:
    """The state topics were lost: all entries are nobody's."""
    flow, settings = synchronized, synchronized.settings
    names = {"ldapflow.organizations": f"{flow.name}.new-o", "ldapflow.accounts": f"{flow.name}.new-a"}
    settings = other_settings(flow, "empty", kafka={"topics": topic_names(flow.name) | names})
    done = ldapflow("--config", "empty.yaml", "topics", "create", folder=flow.folder)
    assert done.returncode == 0, done.stderr
    before = read_tree(flow.slapd, flow.slapd.suffix)
    prove_untouched(flow, settings, before, "no states", "full push")
    assert counted_states(verify(settings, dry_run=True)) == {"unmanaged": SIZE}


def test_a_search_that_the_server_cuts_short_is_no_end_of_the_tree(synchronized: Flow) -> None:
    """Beyond the limit entries seem to be missing; the words say what to raise."""
    flow = synchronized
    settings = as_sync(flow, "limited")
    before = read_tree(flow.slapd, flow.slapd.suffix)
    prove_untouched(flow, settings, before, "size", "olcLimits", flow.slapd.sync_dn)


def test_an_administrator_who_may_not_read_half_of_the_tree_corrects_nothing(synchronized: Flow) -> None:
    flow = synchronized
    settings = as_sync(flow, "blind")
    flow.slapd.modify_configuration(
        "dn: olcDatabase={1}mdb,cn=config\nchangetype: modify\n"
        "add: olcLimits\n"
        f'olcLimits: dn.exact="{flow.slapd.sync_dn}" size=unlimited\n'
        "-\n"
        "add: olcAccess\n"
        f'olcAccess: {{0}}to dn.regex="^uid=.*" by dn.exact="{flow.slapd.sync_dn}" none by * break\n'
    )
    before = read_tree(flow.slapd, flow.slapd.suffix)
    prove_untouched(flow, settings, before, "only 3 are there", "may the administrator read all of it")


def as_sync(flow: Flow, name: str) -> Settings:
    """Bind as the administrator whom limits and access rules bind."""
    password = flow.folder / "sync-password"
    password.touch(mode=0o600)
    password.write_text(flow.slapd.sync_password)
    connection = {"admin_dn": flow.slapd.sync_dn, "admin_password_file": password.name}
    return other_settings(flow, name, connection=connection)


def test_a_renamed_target_is_not_an_empty_one(synchronized: Flow) -> None:
    flow, target = synchronized, synchronized.slapd.target_dn
    with admin_connection(flow.slapd) as connection:
        connection.modify_dn(target, "ou=elsewhere")
        try:
            before = read_tree(flow.slapd, flow.slapd.suffix)
            prove_untouched(flow, flow.settings, before, "there is no ou=company", "target")
        finally:
            connection.modify_dn(f"ou=elsewhere,{flow.slapd.suffix}", "ou=company")


def test_without_a_worker_it_is_unfinished(synchronized: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gives up after a while in which nothing moves, and says what is missing: from the first moment on."""
    flow, progress = synchronized, Counted()
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 1.0)
    with admin_connection(flow.slapd) as connection:
        connection.delete(f"uid=user1,ou=Middle 0,ou=Top\\, 0,{flow.slapd.target_dn}")  # type: ignore[no-untyped-call]
    job = verify(flow.settings, progress)
    assert (job.state, lines(job), counted(job)) == (JobState.UNFINISHED, [("missing", "a1", ())], {})
    assert "no worker runs" in (job.detail or "")
    assert ("accounts (no worker runs: start one)", 1, 0) in progress.steps
