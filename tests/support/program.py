"""The program `ldapflow`, run as its users do: a process with a configuration file."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from streams.sandbox.slapd import Slapd

TIMEOUT_SECONDS = 60


def ldapflow(
    *arguments: str | Path, folder: Path, environ: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run the program in a folder, whose `ldapflow.yaml` it reads, and wait for its end."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "streams.cli.main", *map(str, arguments)],
        cwd=folder,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        env={**_environment(), **(environ or {})},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@contextmanager
def starting(*arguments: str | Path, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The program while it runs; it is killed at the end if it still does."""
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "streams.cli.main", *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _environment() -> dict[str, str]:
    root = Path(__file__).parents[2]
    own = {name: value for name, value in os.environ.items() if not name.startswith("LDAPFLOW")}
    return {**own, "PYTHONPATH": str(root), "COLUMNS": "200"}


def write_configuration(folder: Path, *, slapd: Slapd | None = None, **sections: Mapping[str, Any] | str) -> Path:
    """Write `ldapflow.yaml`, and the administrator's password beside it.

    Args:
        folder: where to.
        slapd: the directory; without one, nobody answers there.
        sections: of the configuration, merged with what is needed in any case; or a single value of it.
    """
    password = folder / "ldap-password"
    password.touch(mode=0o600)
    password.write_text(slapd.admin_password if slapd else "unused")
    base: dict[str, Any] = {
        "connection": {
            "server": slapd.uri if slapd else "ldap://127.0.0.1:1",
            "admin_dn": Slapd.admin_dn,
            "admin_password_file": password.name,
        },
        "sync": {"target_dn": Slapd.target_dn},
    }
    for name, values in sections.items():
        base[name] = values if isinstance(values, str) else {**base.get(name, {}), **values}
    path = folder / "ldapflow.yaml"
    path.write_bytes(orjson.dumps(base, option=orjson.OPT_INDENT_2))  # JSON is YAML
    return path


def lines(text: str) -> list[str]:
    """The lines of an output."""
    return text.splitlines()
