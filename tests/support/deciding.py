"""What tests of the commands need without a worker: states and dead letters written by hand, decisions read back."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import orjson

from schemas.control import Decision
from schemas.errors import DeadLetterReason, Permanent
from schemas.events import Kind
from schemas.records import record_of
from schemas.state_codec import encode_state
from schemas.states import Binding, State, Status
from streams.control import decided_of
from streams.dead_letters import Original, send_dead_letter
from streams.kafka import Message, Publisher, Received, create_topics, publish_all, read_to_end
from streams.sandbox.kafka import Kafka
from streams.sandbox.slapd import Slapd
from streams.settings import Settings, load_settings
from tests.support.flow import until
from tests.support.program import ldapflow, write_configuration
from tests.support.topics import topic_names

TARGET = "00000000-0000-4000-8000-000000000001"


class Installation:
    """Topics of one test, a configuration, no worker."""

    def __init__(
        self, folder: Path, kafka: Kafka, prefix: str, *, slapd: Slapd | None = None, **sections: dict[str, Any]
    ) -> None:
        self.folder = folder
        sections["sync"] = {"target_entry_uuid": TARGET, **sections.get("sync", {})}
        topics = {"bootstrap_servers": kafka.bootstrap_servers, "application_id": prefix, "topics": topic_names(prefix)}
        path = write_configuration(folder, slapd=slapd, kafka={**topics, "account_partitions": 3}, **sections)
        self.settings: Settings = load_settings(path, {})
        create_topics(self.settings)

    def run(self, *arguments: str) -> CompletedProcess[str]:
        """One command."""
        return ldapflow(*arguments, folder=self.folder)

    def json(self, *arguments: str) -> Any:
        """What a command with `--json` says."""
        done = self.run(*arguments, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return orjson.loads(done.stdout)

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Future[CompletedProcess[str]]"]:
        """A command that runs meanwhile."""
        with ThreadPoolExecutor(1) as pool:
            yield pool.submit(self.run, *arguments)

    def write_states(self, *states: tuple[Kind, str, State]) -> None:
        """Be the worker: write states."""
        topics = self.settings.topics
        of = {Kind.ACCOUNT: topics.account_states, Kind.ORGANIZATION: topics.organization_states}
        messages = [Message(of[kind], key.encode(), encode_state(state)) for kind, key, state in states]
        publish_all(self.settings, messages, lambda _: None)

    def write_event(self, value: bytes | None, key: bytes | None = b"a1", *, attempt: int | None = None) -> Received:
        """Write one event to the accounts' topic, and return it as it lies there."""
        topic, headers = self.settings.topics.account_events, [("trace", b"x")]
        if attempt is not None:
            headers.append(("ldapflow-attempt", str(attempt).encode()))

        async def write() -> int:
            async with Publisher(self.settings) as publisher:
                return await publisher.send(topic, key, value, headers, 1)

        offset = asyncio.run(write())
        return next(message for message in self.messages(topic) if (message.partition, message.offset) == (1, offset))

    def write_dead_letter(
        self, event: Received, reason: DeadLetterReason = DeadLetterReason.MISSING_VALUE, detail: str = "no sn"
    ) -> int:
        """Be the worker: write a dead letter; returns its offset."""
        original = Original(event.topic, event.partition, event.offset, event.key, event.value, event.headers)

        async def write() -> None:
            async with Publisher(self.settings) as publisher:
                topic = self.settings.topics.dead_letters
                await send_dead_letter(publisher, topic, original, Permanent(reason, detail), event.time)

        asyncio.run(write())
        return self.messages(self.settings.topics.dead_letters)[-1].offset

    def messages(self, topic: str) -> list[Received]:
        """All that a topic holds now."""
        return list(read_to_end(self.settings, [topic]))

    def decisions(self) -> list[Decision]:
        """All decisions, in their order."""
        decided = (decided_of(message) for message in self.messages(self.settings.topics.control))
        return [one.decision for one in decided if one is not None]

    def await_decision(self) -> Decision:
        """Be the worker: wait for the first decision."""
        until(lambda: bool(self.decisions()), "a decision", 30)
        return self.decisions()[-1]


def account_state(identifier: str, status: Status, **more: Any) -> State:
    """A state of an account that was bound once."""
    record = record_of(Kind.ACCOUNT, {"userId": identifier, "username": identifier, "updateTime": 5})
    state = State(record, 5, 5, 5, status, 100, (1, 1), binding=_binding(identifier))
    return replace(state, **more)


def organization_state(identifier: str, status: Status, parent: str = "ou_root", **more: Any) -> State:
    """A state of an organization that was bound once."""
    fields = {"organizationalUnitId": identifier, "organizationalUnitName": f"Unit {identifier}", "parentId": parent}
    state = State(record_of(Kind.ORGANIZATION, fields), 5, 5, 5, status, 100, (1, 1), binding=_binding(identifier))
    return replace(state, **more)


def _binding(identifier: str) -> Binding:
    return Binding(f"uuid-of-{identifier}", f"uid={identifier},{Slapd.target_dn}", TARGET, 1)
