"""The states of some entities, as the state topics have them now: for commands."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from schemas.events import Kind
from schemas.state_codec import decode_state
from schemas.states import State
from streams.kafka import Received, read_to_end
from streams.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """A state and where it lies.

    Attributes:
        partition: of the state topic; the events of the entity lie in the one with the same number.
    """

    kind: Kind
    id: str
    partition: int
    state: State


def read_states(settings: Settings, wanted: Callable[[Kind, str], bool]) -> dict[tuple[Kind, str], Stored]:
    """Read both state topics to their present ends and keep the states that are wanted.

    Of several the one with the greatest revision counts: a smaller one after it is a zombie's late write.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    topics = settings.topics
    kinds = {topics.organization_states: Kind.ORGANIZATION, topics.account_states: Kind.ACCOUNT}
    found: dict[tuple[Kind, str], Stored] = {}
    for message in read_to_end(settings, kinds):
        kind, identifier = kinds[message.topic], message.identifier
        if not wanted(kind, identifier):
            continue
        if message.value is None:
            found.pop((kind, identifier), None)
            continue
        state = _decoded(kind, message)
        known = found.get((kind, identifier))
        if state is not None and (known is None or known.state.writer <= state.writer):
            found[kind, identifier] = Stored(kind, identifier, message.partition, state)
    return found


def read_holders(settings: Settings, entry_uuid: str) -> list[tuple[Kind, str]]:
    """Everybody whose state is bound to an entry now.

    Raises:
        CommandFailed: Kafka does not answer, or a topic is missing.
    """
    topics = settings.topics
    kinds = {topics.organization_states: Kind.ORGANIZATION, topics.account_states: Kind.ACCOUNT}
    holders: dict[tuple[Kind, str], None] = {}
    sought = entry_uuid.encode()
    for message in read_to_end(settings, kinds):
        kind = kinds[message.topic]
        # Hardly any state speaks of the entry: the others need not be decoded.
        state = _decoded(kind, message) if message.value is not None and sought in message.value else None
        if state is not None and state.binding is not None and state.binding.entry_uuid == entry_uuid:
            holders[kind, message.identifier] = None
        else:
            holders.pop((kind, message.identifier), None)
    return list(holders)


def _decoded(kind: Kind, message: Received) -> State | None:
    try:
        return decode_state(kind, message.value or b"")
    except (ValueError, KeyError, TypeError) as exc:
        # No traceback: it would quote the state.
        place = f"{message.topic} {message.partition}:{message.offset}"
        log.error("state_unreadable", place=place, error=type(exc).__name__)  # noqa: TRY400
        return None
