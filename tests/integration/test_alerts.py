"""Prometheus' configuration, the alerts and their runbook, without a running system."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import orjson
from ruamel.yaml import YAML

from streams.metrics import Metrics
from tests.support.promql import PROMETHEUS, ROOT, queries, rules

_OPERATIONS: Final = (ROOT / "docs" / "operations.md").read_text()


def _promtool(*arguments: str | Path) -> str:
    program = shutil.which("promtool")
    assert program is not None, "promtool is missing: run scripts/setup"
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - as above
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _pod(name: str) -> dict[str, Any]:
    manifests = YAML(typ="safe").load_all(ROOT / "deploy" / "kubernetes" / f"{name}.yaml")
    template: dict[str, Any] = next(one for one in manifests if "template" in one["spec"])["spec"]["template"]
    return template


def _labels_of_pod(name: str, port: str) -> dict[str, str]:
    labels = _pod(name)["metadata"]["labels"].items()
    return {
        **{"__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", label): value for label, value in labels},
        "__meta_kubernetes_pod_name": f"pod-of-{name}",
        "__meta_kubernetes_pod_phase": "Running",
        "__meta_kubernetes_pod_container_port_name": port,
    }


# -- what Prometheus says of it ----------------------------------------------------------------------------------------


def test_prometheus_takes_its_configuration() -> None:
    """With the rules that it names."""
    _promtool("check", "config", PROMETHEUS / "prometheus.yml")


def test_pods_are_found_under_the_names_that_rules_know(tmp_path: Path) -> None:
    """Debian's promtool knows no Kubernetes: the labels are given that it would have of the pods of our manifests."""
    configuration = YAML(typ="safe").load(PROMETHEUS / "kubernetes.yml")
    (scraping,) = configuration["scrape_configs"]
    assert scraping.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    scraping["static_configs"] = [
        {"targets": ["192.0.2.1"], "labels": _labels_of_pod(name, port["name"])}
        for name in ("worker", "verifier", "auth")
        for port in _pod(name)["spec"]["containers"][0]["ports"]
    ]
    file = tmp_path / "prometheus.yml"
    file.write_bytes(orjson.dumps({"scrape_configs": [scraping]}))  # JSON is YAML
    found = orjson.loads(_promtool("check", "service-discovery", "--timeout=1s", file, scraping["job_name"]))
    kept = sorted((one["labels"]["job"], one["labels"]["instance"]) for one in found if one["labels"])
    assert kept == [(f"ldapflow-{name}", f"pod-of-{name}") for name in ("auth", "verifier", "worker")]


def test_alerts_come_when_they_should_and_only_then() -> None:
    _promtool("test", "rules", PROMETHEUS / "rules_test.yml")


def test_every_alert_is_seen_to_come_and_to_stay_away() -> None:
    """In the tests of the rules; the first of these is an installation that alerts nobody."""
    quiet, *others = YAML(typ="safe").load(PROMETHEUS / "rules_test.yml")["tests"]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in quiet["alert_rule_test"]} == names
    coming = {case["alertname"] for test in others for case in test["alert_rule_test"] if case.get("exp_alerts")}
    assert coming == names


def test_prometheus_understands_every_panel(tmp_path: Path) -> None:
    """Grafana replaces its own variables before it asks."""
    records = [
        {"record": f"panel:{number}", "expr": query.expression.replace("$__rate_interval", "1m")}
        for number, query in enumerate(queries())
    ]
    file = tmp_path / "panels.yml"
    file.write_bytes(orjson.dumps({"groups": [{"name": "panels", "rules": records}]}))  # JSON is YAML
    _promtool("check", "rules", file)


# -- what the guide says of it -----------------------------------------------------------------------------------------


def test_every_alert_has_its_section_in_the_runbook() -> None:
    """Each links to its own, and no section is left of an alert that is gone."""
    alerts = {rule["alert"]: rule["annotations"]["runbook"] for rule in rules()}
    assert alerts == {name: f"docs/operations.md#{name.lower()}" for name in alerts}
    assert re.findall(r"^### (Ldapflow\w+)$", _OPERATIONS, re.MULTILINE) == list(alerts)


def test_the_guide_lists_every_metric_with_its_labels() -> None:
    listed = {
        name.removesuffix("_total"): re.findall(r"`(\w+)`", labels)
        for name, labels in re.findall(r"^\| `(ldapflow_\w+)` \|.*\|([^|]*)\|$", _OPERATIONS, re.MULTILINE)
    }
    declared = {
        metric.describe()[0].name: list(metric._labelnames)  # noqa: SLF001 - the library shows them only with values
        for metric in vars(Metrics()).values()
        if hasattr(metric, "_labelnames")
    }
    assert listed == declared
