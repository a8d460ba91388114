"""docker-compose.yml and the Dockerfiles: what every service must keep to."""

import re
import tomllib
from typing import Any, Final

import pytest

from tests.support.compose import ROOT, read_compose

SERVICES: Final[dict[str, dict[str, Any]]] = read_compose()["services"]
_PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
_DOCKERFILES: Final = ("Dockerfile", "deploy/compose/openldap/Dockerfile")
_PINNED: Final = re.compile(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?[a-z-]*")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_confined(name: str) -> None:
    """No service has rights to gain or to spare, and what runs for long is limited and started again."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] in {"always", "no"}
    if service["restart"] == "always":
        assert {"cpus", "memory"} == service["deploy"]["resources"]["limits"].keys()


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_is_reached_from_elsewhere(name: str) -> None:
    """Published ports are on loopback."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    """Each image is one version, our own the project's."""
    image = SERVICES[name]["image"]
    assert _PINNED.fullmatch(image)
    if "build" in SERVICES[name]:
        assert image.endswith(f":{_PROJECT['project']['version']}")


@pytest.mark.parametrize("name", SERVICES)
def test_everything_that_is_mounted_exists(name: str) -> None:
    """Docker would make a folder of a file that is missing."""
    sources = [mount.partition(":")[0] for mount in SERVICES[name].get("volumes", ())]
    assert [source for source in sources if source.startswith(".") and not (ROOT / source).exists()] == []


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_stand_nowhere(name: str) -> None:
    """No variable holds a secret, but the name of a file at most."""
    environment = SERVICES[name].get("environment", {})
    assert [key for key in environment if re.search("PASSWORD|TOKEN|SECRET", key) and not key.endswith("_FILE")] == []


@pytest.mark.parametrize("dockerfile", _DOCKERFILES)
def test_images_run_without_root(dockerfile: str) -> None:
    """What an image starts is started by a user with a number: Kubernetes can see that it is not root."""
    text = (ROOT / dockerfile).read_text(encoding="utf-8")
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    assert all(_PINNED.fullmatch(image) for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE))


def test_the_context_is_what_the_build_needs() -> None:
    """Nothing but the program, and what its build reads, gets into the context of the image."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    project, target = _PROJECT["project"], _PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", "constraints.txt", project["readme"], *project["license-files"], *target["packages"]}
    assert [line for line in lines if not line.startswith(("#", "!"))] == ["*", "**/__pycache__", "**/*.pyc"]
    assert {line.removeprefix("!") for line in lines if line.startswith("!")} == needed
