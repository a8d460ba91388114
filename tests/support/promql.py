"""What alerts and panels ask Prometheus for."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from ruamel.yaml import YAML

ROOT: Final = Path(__file__).parents[2]
PROMETHEUS: Final = ROOT / "deploy" / "prometheus"


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL of a panel or a rule, and the labels that its words show."""

    where: str
    expression: str
    shown: frozenset[str]


def rules() -> list[dict[str, Any]]:
    """The alerts as they stand in the file."""
    document = YAML(typ="safe").load(PROMETHEUS / "rules.yml")
    return [rule for group in document["groups"] for rule in group["rules"]]


def queries() -> list[Query]:
    """All that alerts and panels ask for."""
    alerts = [
        Query(
            rule["alert"],
            rule["expr"],
            frozenset(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])),
        )
        for rule in rules()
    ]
    dashboard = orjson.loads((ROOT / "deploy" / "grafana" / "dashboards" / "ldapflow.json").read_bytes())
    return alerts + [
        Query(panel["title"], target["expr"], frozenset(re.findall(r"{{(\w+)}}", target["legendFormat"])))
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    ]
