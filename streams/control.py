"""What the control topic holds: writing decisions down, and knowing all of them."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

import structlog

from schemas.control import (
    Approval,
    DeadLetterHandled,
    Decided,
    Decision,
    Discard,
    Pause,
    PushRequest,
    Resume,
    ResyncNeeded,
    TopicIds,
)
from schemas.control_codec import decode_decision, encode_decision
from schemas.events import Kind
from streams.kafka import Publisher, Received, TopicTail
from streams.settings import Settings

log = structlog.get_logger(__name__)


class ControlView:
    """All decisions so far, in the order of the topic.

    Attributes:
        position: the offset of the last decision; -1 before the first.
        last_resume: the last `Resume`, if there ever was one.
        approvals: all of them.
        discards: all of them.
        handled_dead_letters: (partition, offset) of each dead letter that was retried or discarded, with what was done.
        push_requests: all that were ever written down, answered or not.
        topic_ids: as they were recorded last; None when they never were.
        resync_needed: the last `ResyncNeeded`, with its time, unless `TopicIds` were recorded after it.
    """

    def __init__(self) -> None:
        self.position = -1
        self.last_resume: Decided | None = None
        self.approvals: list[Decided] = []
        self.discards: list[Decided] = []
        self.handled_dead_letters: dict[tuple[int, int], DeadLetterHandled] = {}
        self.push_requests: list[Decided] = []
        self.topic_ids: Mapping[str, str] | None = None
        self.resync_needed: Decided | None = None
        self._about_writing: Decided | None = None
        self._about_deletions: list[Approval | Discard] = []

    @property
    def paused(self) -> bool:
        """Whether nothing shall be written: the last of `Pause` and `Resume` by offset holds."""
        return self._about_writing is not None and isinstance(self._about_writing.decision, Pause)

    def take_in(self, decided: Decided) -> None:
        """Take in the next decision."""
        self.position = decided.offset
        decision = decided.decision
        match decision:
            case Pause():
                self._about_writing = decided
            case Resume():
                self._about_writing = self.last_resume = decided
            case Approval():
                self.approvals.append(decided)
                self._about_deletions.append(decision)
            case Discard():
                self.discards.append(decided)
                self._about_deletions.append(decision)
            case DeadLetterHandled(partition, offset, _):
                self.handled_dead_letters[partition, offset] = decision
            case PushRequest():
                self.push_requests.append(decided)
            case TopicIds(ids):
                self.topic_ids, self.resync_needed = ids, None
            case ResyncNeeded():
                self.resync_needed = decided

    def verdict_on(self, kind: Kind, identifier: str, status_time: int) -> Approval | Discard | None:
        """What was decided last about a held state.

        Args:
            kind: the state's.
            identifier: the entity's.
            status_time: the state's, milliseconds: since when it is held.
        """
        return next(
            (one for one in reversed(self._about_deletions) if covers(one, kind, identifier, status_time)), None
        )


def covers(decision: Approval | Discard, kind: Kind, identifier: str, status_time: int) -> bool:
    """Whether a decision speaks of a held state."""
    return (
        decision.kind in {None, kind}
        and (decision.ids is None or identifier in decision.ids)
        and status_time <= decision.before
    )


class ControlReader:
    """Keeps a `ControlView` as new as Kafka; used as `async with`, in one event loop.

    Entering it returns when the view has every decision that was written until then.

    Attributes:
        view: the decisions.
    """

    def __init__(self, settings: Settings) -> None:
        self.view = ControlView()
        self._listeners: list[Callable[[], None]] = []
        self._tail = TopicTail(settings, [settings.topics.control], decided_of, self._deliver)

    async def __aenter__(self) -> Self:
        await self._tail.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._tail.__aexit__(*error)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call a listener, in the event loop, after each change of the view."""
        self._listeners.append(listener)

    async def catch_up(self) -> None:
        """Wait until the view has everything that was written until now.

        Raises:
            Retryable: Kafka does not answer.
        """
        await self._tail.catch_up()

    def _deliver(self, batch: Sequence[Decided]) -> None:
        for decided in batch:
            self.view.take_in(decided)
        if batch:
            for listener in self._listeners:
                listener()


def view_of(messages: Iterable[Received]) -> ControlView:
    """All decisions among the messages of the control topic."""
    view = ControlView()
    for message in messages:
        decided = decided_of(message)
        if decided is not None:
            view.take_in(decided)
    return view


def decided_of(message: Received) -> Decided | None:
    """The decision in a message; None for what is none, or none that can be read."""
    try:
        decision = decode_decision(message.value)
    except ValueError as exc:
        log.error("decision_unreadable", topic=message.topic, offset=message.offset, error=str(exc))  # noqa: TRY400
        return None
    return None if decision is None else Decided(message.offset, message.time, decision)


def command_id(decision: Decision) -> bytes:
    """The key of a decision: a new one, unless it replaces the earlier ones of its sort."""
    match decision:
        case TopicIds():
            return b"topic_ids"
        case ResyncNeeded():
            return b"resync_needed"
        case _:
            return uuid.uuid4().hex.encode()


async def decide(publisher: Publisher, settings: Settings, decision: Decision) -> int:
    """Write a decision down; from then on it holds.

    Returns:
        Its offset on the control topic.

    Raises:
        Retryable, CommandFailed: as `Publisher.send`.
    """
    return await publisher.send(settings.topics.control, command_id(decision), encode_decision(decision))
