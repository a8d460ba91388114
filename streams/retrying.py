"""What a retry of a dead letter is: a redrive of the state, or the event once more (contract section 5)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from schemas.codec import open_envelope
from schemas.errors import InvalidEvent
from schemas.events import EventType, Kind, RedriveReason
from schemas.records import integer
from schemas.states import State, Status
from streams.dead_letter_log import DeadLetter
from streams.kafka import Publisher, Received
from streams.settings import Settings
from streams.snapshot import Stored
from streams.worker.watching.redriving import redrive_value

_ATTEMPT: Final = "ldapflow-attempt"


@dataclass(frozen=True, slots=True)
class ApplyStateAgain:
    """The state is dead-lettered at that event: its owner shall try once more."""

    stored: Stored


@dataclass(frozen=True, slots=True)
class PublishAgain:
    """The event that lies in its topic is to be handled once more."""

    original: Received


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """The state has been applied, or is something else than dead-lettered, since."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The event is not retained any more, and no state is dead-lettered at it."""


Retry: TypeAlias = ApplyStateAgain | PublishAgain | NothingLeft | Gone


def retry_of(letter: DeadLetter, stored: Stored | None, original: Received | None, *, newest: bool) -> Retry:
    """Choose how a dead letter is retried.

    Args:
        letter: what failed.
        stored: the state of its entity.
        original: the event where it lay, if it is retained.
        newest: no later event of the entity is among the dead letters.
    """
    if original is not None and (original.key or b"") != letter.key:
        original = None  # the topic was made anew: it is another event
    is_redrive = _is_redrive(letter)
    if stored is not None and stored.state.status is Status.DEAD_LETTERED:
        state = stored.state
        if is_redrive or (_failed_last(letter, state, newest) if original is None else _is_last(original, state)):
            return ApplyStateAgain(stored)
    if is_redrive:
        return NothingLeft()
    return Gone() if original is None else PublishAgain(original)


def last_failures(letters: Iterable[DeadLetter]) -> dict[tuple[str, bytes], int]:
    """For each entity (topic and key of its events) the offset of the last event that is among the dead letters."""
    last: dict[tuple[str, bytes], int] = {}
    for letter in letters:
        entity = (letter.topic, letter.key)
        last[entity] = max(letter.original_offset, last.get(entity, -1))
    return last


def kind_of(letter: DeadLetter, settings: Settings) -> Kind | None:
    """Whose topic the event lay on; None when it is none of ours any more."""
    topics = settings.topics
    kinds: Mapping[str, Kind] = {topics.organization_events: Kind.ORGANIZATION, topics.account_events: Kind.ACCOUNT}
    return kinds.get(letter.topic)


async def carry_out(retry: ApplyStateAgain | PublishAgain, publisher: Publisher, settings: Settings) -> str:
    """Do it; returns what was done, for people.

    Raises:
        Retryable, CommandFailed: as `Publisher.send`.
    """
    match retry:
        case ApplyStateAgain(stored):
            topics = settings.topics
            topic = topics.account_events if stored.kind is Kind.ACCOUNT else topics.organization_events
            value = redrive_value(stored.id, stored.state.writer, RedriveReason.RETRY)
            await publisher.send(topic, stored.id.encode(), value, partition=stored.partition)
            return "its owner was asked to apply the state again"
        case PublishAgain(original):
            headers = [(name, value) for name, value in original.headers if name != _ATTEMPT]
            headers.append((_ATTEMPT, str(_attempt(original) + 1).encode()))
            place = (original.topic, original.key, value_again(original))
            offset = await publisher.send(*place, headers, original.partition)
            return f"published again as {original.topic} {original.partition}:{offset}"


def value_again(original: Received) -> bytes | None:
    """The value to publish once more: it says when it happened, where so far only its message's time did.

    The new message is newer: by its time an old event would beat every other one of the entity.
    """
    if original.time <= 0:
        return original.value
    try:
        document = open_envelope(original.value).document
        if integer(document.get("eventTime"), "eventTime") is not None:
            return original.value
    except InvalidEvent:
        return original.value
    return orjson.dumps({**document, "eventTime": original.time})


def _is_last(original: Received, state: State) -> bool:
    """Whether the event is the last that reached the state: redrives and what does not decode leave no time in it."""
    return original.time == state.received_time


def _failed_last(letter: DeadLetter, state: State, newest: bool) -> bool:  # noqa: FBT001 - passed on
    """The same without the event's time: it failed last, and for the state's reason."""
    return newest and state.reason == letter.reason


def _is_redrive(letter: DeadLetter) -> bool:
    if letter.value is None:
        return False
    try:
        return open_envelope(letter.value).type is EventType.REDRIVE
    except InvalidEvent:
        return False


def _attempt(original: Received) -> int:
    written = dict(original.headers).get(_ATTEMPT, b"")
    return int(written) if written.isdigit() else 1
