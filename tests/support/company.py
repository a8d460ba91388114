"""An installation and its commands `verify`, `push`, `jobs` and `verifier`, as their users run them."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3
import orjson
from ruamel.yaml import YAML

from schemas.control import Decision
from schemas.jobs import Job, JobState, Verification
from streams.control import decide
from streams.job_log import read_jobs, write_job
from streams.kafka import Publisher
from tests.support.directory_dump import admin_connection
from tests.support.flow import Flow, RunningWorker, until
from tests.support.identity_source import IdentitySource, found_entries
from tests.support.program import ldapflow


@dataclass
class Command:
    """A command that runs in the background, and what it has said until now."""

    process: "subprocess.Popen[bytes]"
    out: Path
    err: Path

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit code, stdout, stderr."""
        code = self.process.wait(60)
        return code, self.out.read_text(), self.err.read_text()


@dataclass
class Company:
    """An installation with one worker; what its source holds is in the directory before each test."""

    flow: Flow
    source: IdentitySource
    verifiers: list[RunningWorker] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    written: list[Job] = field(default_factory=list)

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return ldapflow(*arguments, folder=self.flow.folder)

    def begin(self, *arguments: str) -> Command:
        """Run a command in the background."""
        name = uuid.uuid4().hex
        out, err = (self.flow.folder / f"{name}.{stream}" for stream in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "streams.cli.main", *arguments],
                cwd=self.flow.folder,
                stdout=stdout,
                stderr=stderr,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )
        self.commands.append(Command(process, out, err))
        return self.commands[-1]

    def verifier(self, schedule: dict[str, Any]) -> RunningWorker:
        """Start one."""
        document = YAML(typ="safe").load(self.flow.configuration)
        document["sync"]["verification"] = schedule
        configuration = self.flow.folder / f"verifier-{len(self.verifiers)}.yaml"
        configuration.write_bytes(orjson.dumps(document))
        self.verifiers.append(RunningWorker(configuration, configuration.stem, "verifier"))
        return self.verifiers[-1]

    def write(self, *jobs: Job) -> None:
        """Write records down, for this test alone."""

        async def write() -> None:
            async with Publisher(self.flow.settings) as publisher:
                for job in jobs:
                    await write_job(publisher, self.flow.settings, job)

        self.written.extend(jobs)
        asyncio.run(write())

    def remove_written(self) -> None:
        """Remove the records of jobs that never were: to the next test one of them might seem to run."""

        async def remove() -> None:
            async with Publisher(self.flow.settings) as publisher:
                for job in self.written:
                    await publisher.send(self.flow.settings.topics.jobs, job.id.encode(), None)

        if self.written:
            asyncio.run(remove())
            self.written.clear()

    def decide(self, decision: Decision) -> None:
        """Write a decision down."""

        async def write() -> None:
            async with Publisher(self.flow.settings) as publisher:
                await decide(publisher, self.flow.settings, decision)

        asyncio.run(write())

    def verifications(self) -> list[Verification]:
        """Their records, the last one at the end."""
        return [job for job in read_jobs(self.flow.settings).all if isinstance(job, Verification)]

    def await_running(self) -> Verification:
        """Wait until the last verification has written down that it runs."""
        until(lambda: [job.state for job in self.verifications()][-1:] == [JobState.RUNNING], "a running verification")
        return self.verifications()[-1]

    def is_as_it_should_be(self) -> bool:
        """Whether the directory is what the source holds."""
        return found_entries(self.flow.slapd) == self.source.expected()

    def spoil(self) -> None:
        """Make one entry another one, and remove one, by hand."""
        target = self.flow.slapd.target_dn
        with admin_connection(self.flow.slapd) as connection:
            changes = {"mail": [(ldap3.MODIFY_REPLACE, ["wrong@example.com"])]}
            connection.modify(f"uid=mei,ou=Org,{target}", changes)  # type: ignore[no-untyped-call]
            connection.delete(f"uid=ivan,ou=Org,{target}")  # type: ignore[no-untyped-call]

    @contextmanager
    def silent_directory(self) -> Iterator[None]:
        """Within, slapd answers nobody: what runs does not end."""
        self.flow.slapd.freeze()
        try:
            yield
        finally:
            self.flow.slapd.thaw()
