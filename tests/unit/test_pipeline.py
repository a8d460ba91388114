"""What the pipeline makes of redrives, as far as the directory is not needed for it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, MutableSequence
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from ldap_sink.directory import Directory
from ldap_sink.locking import Locker
from ldap_sink.probing import Prober
from ldap_sink.sink import Sink
from schemas.errors import Permanent
from schemas.events import ROOT_ORGANIZATION, Event, EventType, Kind, PushMark, Redrive, RedriveReason, Subject
from schemas.state_codec import decode_state, encode_state
from schemas.states import Revision, State, Status
from streams.control import ControlView
from streams.dead_letters import Original
from streams.kafka.publisher import Headers
from streams.metrics import Metrics
from streams.settings import DisabledAccounts, Settings
from streams.settings.directory import directory_settings
from streams.settings.entry_rules import entry_rules
from streams.worker.applying.account_locks import AccountLocks
from streams.worker.applying.applier import Applier, Parts
from streams.worker.applying.attempt import Verdict
from streams.worker.applying.passwords import Passwords
from streams.worker.gate import Gate
from streams.worker.pipeline import Hooks, Pipeline, is_news
from streams.worker.states.recorder import Recorder
from streams.worker.states.state_view import Seen, StateView
from streams.worker.watching.deletion_guard import DeletionGuard
from streams.worker.watching.redriving import Redriver, redrive_value
from tests.support.configuration import SMALLEST, load
from tests.support.redrives import TARGET

__all__ = ["load"]  # the fixture

ROOT = State(None, 5, 7, 3, Status.PENDING, 4, (2, 3))  # needs no directory: it is the target node

LARGE = orjson.dumps(
    {
        "eventId": "evnt_large",
        "eventType": "ud:organizational_unit:update",
        "eventTime": 900,
        "bizData": {"organizationalUnitId": ROOT_ORGANIZATION, "updateTime": 900, "description": "x" * 900_000},
    }
)


class StatesInMemory(dict[bytes, bytes]):
    """Stands where a table is whose writes Kafka takes at once."""

    last_write: Awaitable[Any]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        """As of `StateTable`."""
        super().__setitem__(key, value)
        self.last_write = asyncio.sleep(0)


class Nobody:
    """Stands where Kafka is, and must not be asked."""

    async def holder_of(self, entry_uuid: str) -> Subject | None:
        """As `StateReader.holder_of`."""
        raise NotImplementedError(entry_uuid)

    async def send(
        self, topic: str, key: bytes | None, value: bytes | None, headers: Headers = (), partition: int | None = None
    ) -> int:
        """As `Publisher.send`."""
        raise NotImplementedError(topic, key, value, headers, partition)


@pytest.fixture
def settings(load: Callable[..., Settings]) -> Settings:
    return load(SMALLEST)


class Scene:
    """A pipeline with the state of the root organization; its directory cannot be reached."""

    def __init__(self, settings: Settings, *, history_end: int = 0, told_end: int = 0) -> None:
        view, metrics = StateView(TARGET), Metrics()
        directory = Directory(directory_settings(settings), may_write=lambda: False)
        parts = Parts(
            directory=directory,
            sink=Sink(directory, Nobody(), lambda: 1),
            prober=Prober(directory),
            view=view,
            redriver=Redriver(settings, Nobody()),
            guard=DeletionGuard(view, {}, lambda: 1),
            locks=AccountLocks(Locker(directory), DisabledAccounts.KEEP),
            rules=entry_rules(settings),
        )
        self.table = StatesInMemory({ROOT_ORGANIZATION.encode(): encode_state(ROOT)})
        recorder = Recorder(view, lambda: 2, lambda: None, _read_again, _mended)
        recorder.tables[Kind.ORGANIZATION] = self.table
        self.letters: list[int] = []
        self.logs: MutableSequence[MutableMapping[str, Any]] = []

        async def dead_letter(original: Original, failure: Permanent) -> None:
            assert failure.detail
            self.letters.append(original.offset)

        hooks = Hooks(
            dead_letter,
            _mended,
            lambda *_: None,
            lambda *_: None,
            lambda *_: None,
            lambda *_: None,
            _push_mark,
            lambda original: original.offset < history_end,
            lambda original: original.offset < told_end,
        )
        applier = Applier(parts, "src", DisabledAccounts.KEEP)
        self._pipeline = Pipeline(
            recorder,
            ControlView(),
            applier,
            Passwords(metrics, None),
            Gate(),
            hooks,
            metrics,
            max_event_bytes=1_000_000,
            incremental=True,
        )

    @property
    def state(self) -> State:
        """The stored one."""
        return decode_state(Kind.ORGANIZATION, self.table[ROOT_ORGANIZATION.encode()])

    async def redrive(self, reason: RedriveReason, revision: Revision, offset: int = 5) -> str:
        """Handle a redrive; returns its outcome."""
        return await self.handle(redrive_value(ROOT_ORGANIZATION, revision, reason), offset)

    async def handle(self, value: bytes, offset: int) -> str:
        """Handle a message; returns its outcome, or the last thing that was logged."""
        message: Any = SimpleNamespace(
            topic="t",
            partition=0,
            offset=offset,
            key=ROOT_ORGANIZATION.encode(),
            value=value,
            headers={},
            timestamp=1.0,
        )
        event: Any = SimpleNamespace(message=message)
        with capture_logs() as self.logs:
            await self._pipeline.handle(Kind.ORGANIZATION, event)
        last = self.logs[-1] if self.logs else {}
        return str(last.get("outcome", last.get("event")))


async def _read_again(seen: Seen) -> State | None:
    raise NotImplementedError(seen)


async def _push_mark(event: Event, mark: PushMark) -> None:
    raise NotImplementedError(event, mark)


async def _mended() -> None:
    raise NotImplementedError


async def test_a_redrive_of_the_stored_revision_is_carried_out(settings: Settings) -> None:
    scene = Scene(settings)
    assert await scene.redrive(RedriveReason.RELEASE, ROOT.writer) == "unchanged"
    assert (scene.state.status, scene.state.reason) == (Status.APPLIED, "root")


async def test_what_was_asked_for_is_still_meant_after_the_state_was_healed(settings: Settings) -> None:
    """A heal writes the same state under a new revision, and applies nothing."""
    scene = Scene(settings)
    await scene.redrive(RedriveReason.HEAL, ROOT.writer)
    assert scene.state.writer > ROOT.writer
    assert await scene.redrive(RedriveReason.RELEASE, ROOT.writer) == "unchanged"
    assert scene.state.status is Status.APPLIED


async def test_a_redrive_within_history_is_dropped(settings: Settings) -> None:
    """A state that is being made again is an old one: the directory must not go back to it."""
    scene = Scene(settings, history_end=6)
    assert await scene.redrive(RedriveReason.RELEASE, ROOT.writer, offset=5) == "superseded"
    assert scene.state == ROOT
    assert await scene.redrive(RedriveReason.RELEASE, ROOT.writer, offset=6) == "unchanged"


async def test_what_is_a_dead_letter_already_is_none_again_when_states_are_made_anew(settings: Settings) -> None:
    """But what lies behind it in the history, and was never handled, is one."""
    scene = Scene(settings, history_end=7, told_end=6)
    for offset in (5, 6, 7):
        await scene.handle(b"no event", offset)
    assert scene.letters == [6, 7]


async def test_too_large_a_state_is_no_second_dead_letter_either(settings: Settings) -> None:
    """Events that did not fit in their time do not fit in the folding of the past."""
    scene = Scene(settings, history_end=7, told_end=6)
    for offset in (5, 6):
        await scene.handle(LARGE, offset)
    assert scene.letters == [6]


async def test_a_dead_letter_is_logged_with_what_leads_to_its_event(settings: Settings) -> None:
    """The line alone must do for who looks for the event at its source; of a message that is none, where it lies."""
    scene = Scene(settings)
    await scene.handle(LARGE, 5)
    line = scene.logs[0]
    assert (line["event"], line["event_id"]) == ("dead_letter", "evnt_large")
    assert (line["subject"], line["offset"]) == (ROOT_ORGANIZATION, 5)
    assert 0 <= line["seconds"] < 1
    await scene.handle(b"no event", 6)
    assert (scene.logs[0]["event_id"], scene.logs[0]["offset"]) == (None, 6)


@pytest.mark.parametrize(
    ("reason", "stored", "told"),
    [
        (RedriveReason.CORRECT, Verdict(Status.DEAD_LETTERED, "refused_by_directory"), False),
        (RedriveReason.CORRECT, Verdict(Status.DEAD_LETTERED, "missing_value"), True),
        (RedriveReason.CORRECT, Verdict(Status.WAITING, "refused_by_directory"), True),
        (RedriveReason.RETRY, Verdict(Status.DEAD_LETTERED, "refused_by_directory"), True),
    ],
)
def test_a_redrive_that_fails_as_before_is_no_news(reason: RedriveReason, stored: Verdict, *, told: bool) -> None:
    """A verification tries all dead-lettered ones again: neither second dead letters nor the brake may follow."""
    event = Event(EventType.REDRIVE, Kind.ACCOUNT, "a", None, 1, 1, Redrive((1, 1), reason))
    state = State(None, 5, 7, 3, stored.status, 4, (1, 1), reason=stored.reason)
    assert is_news(event, Verdict(Status.DEAD_LETTERED, "refused_by_directory"), state) is told
