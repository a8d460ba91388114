"""Metrics, pages and log of a running system, for dashboard and alerts: worker, verifier and auth on real servers."""

import http.client
import re
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streams.sandbox.kafka import Kafka
from streams.sandbox.processes import free_port
from streams.sandbox.slapd import Slapd, SlapdOptions
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import IdentitySource
from tests.support.program import ldapflow
from tests.support.promql import Query, queries
from tests.support.proxy import Proxy

_TOKEN: Final = "t0ken-of-the-caller"  # noqa: S105 - of a test's service
_NEW_MAIL: Final = b"mei.wang@example.com"
_BY_PROMETHEUS: Final = {"job", "instance"}
"""Labels that Prometheus adds to all that it scrapes."""

Labels = dict[str, str]
Series = dict[str, list[Labels]]


@dataclass(frozen=True, slots=True)
class Running:
    """An installation to which all sorts of things have happened, and what its processes show."""

    processes: dict[str, RunningWorker]
    series: Series

    def log(self, process: str, event: str) -> list[dict[str, Any]]:
        """The lines of one sort of a process's log."""
        text = self.processes[process].log.read_bytes()
        return [line for line in map(orjson.loads, text.splitlines()) if line["event"] == event]


class Cable:
    """From the worker to slapd; while it `breaks`, it does so at each try to write the new address."""

    def __init__(self, port: int) -> None:
        self.breaks = False
        self.proxy = Proxy(port, on_request=self._pass)

    def _pass(self, chunk: bytes) -> bytes | None:
        if self.breaks and _NEW_MAIL in chunk:
            self.proxy.cut()
            return None
        return chunk


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, kafka: Kafka) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("observed"), free_port()
    token = folder / "auth-token"
    token.touch(mode=0o600)
    token.write_text(_TOKEN)
    authentication = {"enabled": True, "listen": f"127.0.0.1:{port}", "token_file": token.name}
    source = IdentitySource()
    source.add_organization("o", "Org")
    source.add_account("id-of-mei", "mei", "o", mail="mei@example.com")
    with (
        ExitStack() as stack,
        Slapd(SlapdOptions(policy={})) as slapd,
        Flow(
            *(folder, kafka, slapd, folder.parent.name),
            authentication=authentication,
            connection={"allow_plaintext": True},
            sync={"verification": {"enabled": False}},
        ) as flow,
    ):
        cable = Cable(slapd.port)
        stack.enter_context(cable.proxy)
        flow.publish(source.events)
        worker = flow.worker(wait=False, ldap_port=cable.proxy.port)
        processes = {name: RunningWorker(flow.configuration, name, name) for name in ("verifier", "auth")}
        processes["worker"] = worker
        try:
            for name, process in processes.items():
                until(process.ready, f"a {name} that is ready", detail=process.log.read_text)
            flow.settle(source)
            _let_things_happen(flow, source, worker, port)
            _lose_the_directory(flow, source, processes, cable)
            found = processes["verifier"].metric
            until(lambda: found("ldapflow_verification_entries", state="same") == 2, "the verification's results")
            yield Running(processes, _scraped(processes.values()))
        finally:
            for process in processes.values():
                process.kill()


def _let_things_happen(flow: Flow, source: IdentitySource, worker: RunningWorker, port: int) -> None:
    """Somebody waits, somebody tries to log on, a verification runs."""
    done = len(source.events)
    source.add_account("id-of-early", "early", "unknown")
    flow.publish(source.events[done:])
    until(lambda: worker.metric("ldapflow_waiting") == 1, "somebody who waits")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    body = orjson.dumps({"login": "mei", "password": "wrong"})
    connection.request("POST", "/v1/authenticate", body, {"Authorization": f"Bearer {_TOKEN}"})
    assert connection.getresponse().status == 401
    connection.close()
    verified = ldapflow("verify", folder=flow.folder)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _lose_the_directory(flow: Flow, source: IdentitySource, processes: dict[str, RunningWorker], cable: Cable) -> None:
    """While an event is being applied, again and again; then in the sight of all; at last it is there again."""
    cable.breaks = True
    source.change_account("id-of-mei", mail=_NEW_MAIL.decode())
    flow.publish(source.events[-1:])
    until(lambda: processes["worker"].metric("ldapflow_retries_total") > 0, "an attempt that is repeated")
    cable.breaks = False
    flow.slapd.kill()
    for process in processes.values():
        until(lambda of=process: of.metric("ldapflow_directory_up") == 0, "a directory that is missed")  # type: ignore[misc]
    flow.slapd.start()
    for process in processes.values():
        until(process.ready, "a process that is ready again")


def _scraped(processes: Iterable[RunningWorker]) -> Series:
    series: Series = {}
    for process in processes:
        for family in text_string_to_metric_families(process.get("metrics")[1]):
            for sample in family.samples:
                series.setdefault(sample.name, []).append(dict(sample.labels))
    return series


@pytest.mark.parametrize(
    "query", [query for query in queries() if "ldapflow_" in query.expression], ids=lambda q: q.where
)
def test_what_panels_and_rules_name_is_there(running: Running, query: Query) -> None:
    """Every metric, every label that is grouped by, matched or shown, and every value that is matched."""
    kept, joined = (_labels_after(word, query.expression) for word in ("by", "on"))
    assert query.shown <= (kept or query.shown)
    named = kept | joined | query.shown
    for name, matchers in re.findall(r"\b((?:ldapflow|process)_\w+)(?:{([^}]*)})?", query.expression):
        assert name in running.series, f"{name} is not in the scrape"
        values = {label: {one[label] for one in running.series[name] if label in one} for label in named}
        assert {label for label, found in values.items() if not found} <= _BY_PROMETHEUS, name
        for label, _, wanted in re.findall(r'(\w+)(=~|=)"([^"]*)"', matchers):
            if label not in _BY_PROMETHEUS:
                assert set(wanted.split("|")) <= {one.get(label) for one in running.series[name]}, name


@pytest.mark.parametrize("name", ["worker", "verifier", "auth"])
def test_every_process_answers_on_all_pages(running: Running, name: str) -> None:
    process = running.processes[name]
    assert process.get("healthz") == (200, '{"alive":true}')
    assert process.get("readyz") == (200, '{"ready":true}')
    assert process.metric("ldapflow_directory_up") == 1
    assert process.metric("ldapflow_info") == 1


def test_the_log_says_of_an_event_what_it_was_where_it_lay_and_what_became_of_it(running: Running) -> None:
    """As JSON, at level INFO: it worked. The offset is that on Kafka."""
    line = next(line for line in running.log("worker", "event") if line["subject"] == "id-of-early")
    assert {key: line[key] for key in ("level", "outcome", "type", "reason", "changes")} == {
        "level": "info",
        "outcome": "waiting",
        "type": "ud:user:create",
        "reason": "organization_unknown",
        "changes": [],
    }
    assert line["topic"].endswith("idaas.accounts")
    assert (type(line["partition"]), type(line["offset"]), type(line["event_id"])) == (int, int, str)
    assert 0 < line["seconds"] < 60


def test_an_outage_that_ends_by_itself_is_a_warning(running: Running) -> None:
    """Nobody must act, so nothing of it is an error; and its end is told."""
    for name in running.processes:
        assert {line["level"] for line in running.log(name, "directory_down")} == {"warning"}
        assert running.log(name, "directory_up")[-1]["level"] == "info"


def _labels_after(word: str, expression: str) -> set[str]:
    groups = re.findall(rf"\b{word} \(([^)]*)\)", expression)
    return {label for group in groups for label in group.split(", ")}
