"""docker-compose.yml without Docker: each service's own command and health check, on this machine.

Nothing is left out but the container: volumes are folders, hosts and ports are replaced by those of this machine.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from ruamel.yaml import YAML

from streams.sandbox.processes import Child, free_port, wait_until

ROOT = Path(__file__).parents[2]
_METRICS_PORT = "9108"
_JOB_SECONDS = 60
_VARIABLE = re.compile(r"\$\{\w+:-([^}]*)\}")
_INSTRUCTION = re.compile(r"^(?:HEALTHCHECK .*?)?\b(ENTRYPOINT|CMD) (\[.*\])$", re.MULTILINE)


def read_compose() -> dict[str, Any]:
    """The file, anchors resolved, variables at their defaults."""
    text = _VARIABLE.sub(r"\1", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return document


@dataclass(frozen=True, slots=True)
class Image:
    """What a Dockerfile says to whoever runs it."""

    entrypoint: list[str]
    command: list[str]
    health_check: list[str]

    @classmethod
    def built_from(cls, folder: Path) -> Self:
        """Read the Dockerfile of a folder."""
        text = (folder / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
        said: dict[str, list[str]] = {
            # The CMD of a HEALTHCHECK is another one.
            "CHECK" if match[0].startswith("HEALTHCHECK") else match[1]: json.loads(match[2])
            for match in _INSTRUCTION.finditer(text)
        }
        return cls(said.get("ENTRYPOINT", []), said.get("CMD", []), said.get("CHECK", []))


class Instance:
    """One container's process, and how it is asked for its health."""

    def __init__(self, name: str, child: Child, health_check: list[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.child = child
        self._health_check = health_check
        self._environment = environment

    def wait_until_healthy(self) -> None:
        """Wait until its health check succeeds."""
        wait_until(self.is_healthy, f"the health check of {self.name}", child=self.child, timeout_seconds=60)

    def is_healthy(self) -> bool:
        """Whether its health check succeeds."""
        return self.ask(self._health_check)

    def is_ready(self) -> bool:
        """Whether the same question about /readyz succeeds."""
        return self.ask([part.replace("/healthz", "/readyz") for part in self._health_check])

    def ask(self, command: list[str]) -> bool:
        """Whether a command succeeds beside it."""
        done = subprocess.run(command, env=self._environment, capture_output=True, check=False)  # noqa: S603 - ours
        return done.returncode == 0


class Installation:
    """The services of docker-compose.yml that are built here; used as `with`.

    Args:
        folder: holds volumes and logs.
        places: what hosts and ports are on this machine, by what the files say.
    """

    def __init__(self, folder: Path, places: Mapping[str, str]) -> None:
        self.folder = folder
        self.services = {name: service for name, service in read_compose()["services"].items() if "build" in service}
        self.instances: list[Instance] = []
        self._places = places

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for instance in reversed(self.instances):
            instance.child.terminate(10)

    def up(self) -> None:
        """Start everything in the order of `depends_on`; jobs must succeed, what others wait for must be healthy."""
        known = self.services.keys()
        waited_for = {
            other
            for service in self.services.values()
            for other, how in service.get("depends_on", {}).items()
            if how["condition"] == "service_healthy"
        }
        graph = {name: service.get("depends_on", {}).keys() & known for name, service in self.services.items()}
        for name in TopologicalSorter(graph).static_order():
            service = self.services[name]
            if service["restart"] == "no":
                self.run(name)
                continue
            for _ in range(service.get("deploy", {}).get("replicas", 1)):
                instance = self._start(name)
                self.instances.append(instance)
                if name in waited_for:
                    instance.wait_until_healthy()

    def run(self, name: str, arguments: tuple[str, ...] = (), stdin: str = "") -> None:
        """Run a job, or another command than a service's own (`docker compose run`), to its end: a good one."""
        entrypoint, command = self._command(name)
        done = subprocess.run(  # noqa: S603 - our own programs
            [*entrypoint, *(arguments or command)],
            env=self._environment(name),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=_JOB_SECONDS,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"

    def volume(self, name: str) -> Path:
        """The folder that stands for a volume."""
        path = self.folder / "volumes" / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _start(self, name: str) -> Instance:
        label = f"{name}-{len(self.instances)}"
        environment = self._environment(name)
        health_check = self._health_check(name)
        configuration = environment.get("LDAPFLOW_CONFIG")
        if configuration is not None:
            # Containers have a port 9108 each.
            port = str(free_port())
            own = Path(configuration).with_name(f"{label}.yaml")
            own.write_text(Path(configuration).read_text(encoding="utf-8").replace(_METRICS_PORT, port), "utf-8")
            environment["LDAPFLOW_CONFIG"] = str(own)
            health_check = [part.replace(_METRICS_PORT, port) for part in health_check]
        entrypoint, command = self._command(name)
        child = Child([*entrypoint, *command], log=self.folder / f"{label}.log", environment=environment)
        return Instance(label, child, health_check, environment)

    def _command(self, name: str) -> tuple[list[str], list[str]]:
        service, image = self.services[name], self._image(name)
        # As Docker does: another entry point takes the image's command away, too.
        entrypoint = service.get("entrypoint", image.entrypoint)
        command = service.get("command", [] if "entrypoint" in service else image.command)
        return [self._here(name, part) for part in entrypoint], [self._here(name, part) for part in command]

    def _health_check(self, name: str) -> list[str]:
        test = self.services[name].get("healthcheck", {}).get("test")
        argv = self._image(name).health_check if test is None else test[1:]
        return [self._here(name, part) for part in argv]

    def _environment(self, name: str) -> dict[str, str]:
        own = {key: self._here(name, value) for key, value in self.services[name].get("environment", {}).items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **own}

    def _image(self, name: str) -> Image:
        return Image.built_from(ROOT / self.services[name]["build"])

    def _here(self, name: str, text: str) -> str:
        """Replace the places of a container by those of this machine."""
        service = self.services[name]
        for mount in service.get("volumes", ()):
            source, target = mount.split(":")[:2]
            text = text.replace(target, str(self._mounted(source)))
        for target in service.get("tmpfs", ()):
            if target != "/tmp":  # noqa: S108 - a container's
                folder = str(self.volume(f"tmpfs-{name}"))
                text = text.replace(target, folder).replace(quote(target, ""), quote(folder, ""))
        return self._translated(text)

    def _mounted(self, source: str) -> Path:
        if not source.startswith("./"):
            return self.volume(source)
        copy = self.folder / Path(source).name
        copy.write_text(self._translated((ROOT / source).read_text(encoding="utf-8")), encoding="utf-8")
        return copy

    def _translated(self, text: str) -> str:
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text
