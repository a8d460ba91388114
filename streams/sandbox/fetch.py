"""Fetches Kafka's jars into a cache folder, once. `python -m streams.sandbox.fetch` does it ahead of time."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from schemas.errors import CommandFailed

KAFKA_VERSION = "4.1.1"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = Path(__file__).with_name("kafka-pom.xml")


def kafka_jars() -> Path:
    """The folder that holds Kafka's jars; fetched by Maven when it is not there.

    The folder is `$LDAPFLOW_KAFKA_JARS`, or `ldapflow/kafka-4.1.1` in `$XDG_CACHE_HOME` or `~/.cache`. It appears
    when it is complete, never half.

    Raises:
        CommandFailed: the jars are missing and cannot be fetched.
    """
    folder = jar_folder()
    if not _complete(folder):
        _fetch(folder)
    return folder


def jar_folder() -> Path:
    """Where the jars are, or will be: see `kafka_jars`."""
    chosen = os.environ.get("LDAPFLOW_KAFKA_JARS")
    if chosen:
        return Path(chosen).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().absolute() / "ldapflow" / f"kafka-{KAFKA_VERSION}"


def _complete(folder: Path) -> bool:
    return (folder / f"kafka_2.13-{KAFKA_VERSION}.jar").exists()


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CommandFailed("Kafka's jars are missing and so is Maven: sudo apt-get install maven default-jre-headless")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
            fetched = Path(scratch) / "jars"
            _copy_dependencies(maven, fetched)
            if not _complete(fetched):
                raise CommandFailed("Maven did not deliver Kafka's jars: run it again, or see kafka-pom.xml")
            _publish(fetched, folder)
    except OSError as exc:
        raise CommandFailed(f"Kafka's jars cannot be stored in {folder} ({exc}): set LDAPFLOW_KAFKA_JARS") from exc


def _copy_dependencies(maven: str, target: Path) -> None:
    done = subprocess.run(  # noqa: S603 - Maven, as found in PATH
        [
            *(maven, "--batch-mode", "--quiet", "--file", str(_POM), _COPY),
            *(f"-DoutputDirectory={target}", "-DincludeScope=runtime"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        reason = errors[0].partition("] ")[2].partition(" -> [")[0] if errors else f"exit code {done.returncode}"
        raise CommandFailed(
            f"Kafka's jars could not be fetched; check the network and ~/.m2/settings.xml, then try again. {reason}"
        )


def _publish(fetched: Path, folder: Path) -> None:
    try:
        fetched.rename(folder)
    except OSError:
        # Another process was faster, which is as good.
        if not _complete(folder):
            raise


def main() -> int:
    """Fetches the jars; prints where they are. Exit code 1, with one line on stderr, when it cannot."""
    if not _complete(jar_folder()):
        sys.stderr.write("fetching Kafka's jars with Maven (about 45 MB, once)\n")
    try:
        sys.stdout.write(f"{kafka_jars()}\n")
    except CommandFailed as exc:
        sys.stderr.write(f"{exc}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
