"""The manifests of deploy/kubernetes: their form, and what every pod must keep to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
import typer.main
from ruamel.yaml import YAML

from streams.cli.main import build
from streams.settings import Settings, load_settings

_FOLDER: Final = Path(__file__).parents[2] / "deploy/kubernetes"
# The oldest release that is still looked after, more or less, and the newest whose schemas we have.
_VERSIONS: Final = ("1.31", kubernetes_validate.latest_version())


def _manifests() -> Iterator[dict[str, Any]]:
    for file in sorted(_FOLDER.rglob("*.yaml")):
        yield from YAML(typ="safe", pure=True).load_all(file.read_text(encoding="utf-8"))


MANIFESTS: Final = {f"{found['kind']} {found['metadata']['name']}": found for found in _manifests()}


def _pod_template(manifest: dict[str, Any]) -> dict[str, Any] | None:
    spec = manifest.get("spec", {})
    template: dict[str, Any] | None = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return template


PODS: Final = {name: template for name, found in MANIFESTS.items() if (template := _pod_template(found)) is not None}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The configuration of the ConfigMap."""
    file = tmp_path / "ldapflow.yaml"
    file.write_text(MANIFESTS["ConfigMap ldapflow"]["data"]["ldapflow.yaml"], encoding="utf-8")
    secret = MANIFESTS["Secret ldapflow"]["stringData"]
    return load_settings(file, dict.fromkeys(secret, "from the secret"))


@pytest.mark.parametrize("version", _VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_the_form(name: str, version: str) -> None:
    """Each is what Kubernetes' own schema asks for, without a key that it does not know."""
    kubernetes_validate.validate(MANIFESTS[name], version, strict=True)


def test_what_there_is() -> None:
    """Everything that an installation needs has a manifest."""
    assert MANIFESTS.keys() == {
        "ConfigMap ldapflow",
        "CronJob ldapflow-verify",
        "Deployment ldapflow-auth",
        "Deployment ldapflow-verifier",
        "Deployment ldapflow-worker",
        "Job ldapflow-pin",
        "Job ldapflow-topics",
        "PodDisruptionBudget ldapflow-auth",
        "PodDisruptionBudget ldapflow-worker",
        "Secret ldapflow",
        "Service ldapflow-auth",
    }


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_confined(name: str) -> None:
    """No pod runs as root, gains rights, writes to its own file system, knows the cluster, or takes all memory."""
    spec = PODS[name]["spec"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"] == 10001
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec["automountServiceAccountToken"]
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} == container["resources"]["limits"].keys() == container["resources"]["requests"].keys()


@pytest.mark.parametrize("name", PODS)
def test_every_pod_runs_a_command_that_there_is(name: str) -> None:
    """What is given to the image's entry point is a command of the program."""
    (container,) = PODS[name]["spec"]["containers"]
    arguments = container.get("args") or container["command"][-1].split()[-1:]
    assert arguments[0] in typer.main.get_group(build()).commands


@pytest.mark.parametrize("name", [name for name in MANIFESTS if name.startswith(("PodD", "Service", "Deploy"))])
def test_selectors_find_their_pods(name: str) -> None:
    """A Deployment, a budget and a service select the pods of the Deployment that has their name, and no others."""
    manifest = MANIFESTS[name]
    selector = manifest["spec"]["selector"]
    wanted = selector.get("matchLabels", selector)
    found = [name for name, pod in PODS.items() if wanted.items() <= pod["metadata"]["labels"].items()]
    assert found == [f"Deployment {manifest['metadata']['name']}"]


def test_probes_ask_where_the_program_answers(settings: Settings) -> None:
    """Probes and ports are those of the configuration, which listens beyond loopback."""
    names = ("auth", "verifier", "worker")
    auth, *others = (PODS[f"Deployment ldapflow-{name}"]["spec"]["containers"][0] for name in names)
    for container in (auth, *others):
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["metrics"] == settings.metrics.listen.port
        probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
        assert [probe["path"] for probe in probes.values()] == ["/healthz", "/healthz", "/readyz"]
        assert {probe["port"] for probe in probes.values()} == {"metrics"}
    assert settings.metrics.listen.host == settings.authentication.listen.host == "0.0.0.0"  # noqa: S104 - in a pod
    assert {"name": "http", "containerPort": settings.authentication.listen.port} in auth["ports"]
    service = MANIFESTS["Service ldapflow-auth"]["spec"]
    assert service["ports"] == [{"name": "http", "port": settings.authentication.listen.port, "targetPort": "http"}]


def test_one_thing_alone_verifies(settings: Settings) -> None:
    """The verifier does, on its schedule: what is applied as a whole folder has no CronJob beside it."""
    assert settings.sync.verification.enabled
    assert "kind: CronJob" not in "".join(file.read_text(encoding="utf-8") for file in _FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in MANIFESTS if name.startswith("Job")])
def test_jobs_that_are_done_go(name: str) -> None:
    """The template of a job that is there cannot be changed: the next version's would be refused."""
    assert MANIFESTS[name]["spec"]["ttlSecondsAfterFinished"] == 3600
