"""From lines of JSON to messages on their topics: what `ldapflow publish` accepts, and where it goes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import BinaryIO, Final

import orjson

from schemas.codec import Envelope, decode_event, open_envelope
from schemas.errors import CommandFailed, ConfigurationError, DeadLetterReason, InvalidEvent
from schemas.events import EventType, Json, Kind
from streams.kafka import Message
from streams.settings import TopicNames

# By what a full push brings a record that another event carries: how things are, not what happened.
_PUSHED_AS: Final = {
    EventType.ORGANIZATION_CREATE: EventType.ORGANIZATION_PUSH,
    EventType.ORGANIZATION_UPDATE: EventType.ORGANIZATION_PUSH,
    EventType.ORGANIZATION_PUSH: EventType.ORGANIZATION_PUSH,
    EventType.ORGANIZATION_MOVE: EventType.ORGANIZATION_PUSH,
    EventType.ACCOUNT_CREATE: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_UPDATE: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_PUSH: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_MOVE: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_ENABLE: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_DISABLE: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_LOCK: EventType.ACCOUNT_PUSH,
    EventType.ACCOUNT_UNLOCK: EventType.ACCOUNT_PUSH,
}
_SHOWN_LINES: Final = 10
_FIRST_MOMENT: Final = 100_000_000_000  # 1973 in milliseconds; a smaller number is meant as seconds


@dataclass(frozen=True, slots=True)
class Router:
    """Makes a message of a line.

    A line is an event. In a full push it may also be the bare record of an account or an organization, and every whole
    record becomes a push event; what holds none (a deletion, a membership, a password) has no place in one.

    Attributes:
        topics: where the kinds go.
        max_event_bytes: the longest event that a worker accepts.
        now: milliseconds; a time that lies more than a day after it is refused, as a worker would.
        push_id: of the full push that the lines are; None for events that belong to none.
        taken: milliseconds: from when on the lines may lack who came to the source; None: now.
    """

    topics: TopicNames
    max_event_bytes: int
    now: int
    push_id: str | None = None
    taken: int | None = None

    @property
    def longest_line(self) -> int:
        """Octets that no line needs, however much of it are escapes and spaces that a push does without."""
        return 8 * self.max_event_bytes

    def route(self, line: bytes) -> tuple[Kind, Message]:
        """Check an event as a worker would, and address it.

        Raises:
            InvalidEvent: it is none, or none that may be published so.
        """
        if len(line) > self.longest_line:
            words = f"a line of more than {self.longest_line} bytes; max_event_bytes is {self.max_event_bytes}"
            raise InvalidEvent(DeadLetterReason.TOO_LARGE, words)
        envelope = open_envelope(line) if self.push_id is None else _pushed(line)
        if envelope.type is EventType.REDRIVE:
            raise InvalidEvent(DeadLetterReason.UNKNOWN_TYPE, f"{envelope.type} is written by ldapflow itself")
        value = line if self.push_id is None else orjson.dumps({**envelope.document, "pushId": self.push_id})
        kind = envelope.kind or Kind.ORGANIZATION
        key = envelope.subject.encode()
        decode_event(kind, key, value, self.now, self.max_event_bytes)
        return kind, Message(self._topic(kind), key, value)

    def mark(self, *, begins: bool, organizations: int, accounts: int) -> Message:
        """The message that begins or ends the push of `push_id`."""
        push_id = self.push_id or ""
        value = {
            "eventType": f"{EventType.PUSH_BEGIN if begins else EventType.PUSH_END}",
            "eventTime": self.taken if begins and self.taken is not None else self.now,
            "bizData": {"pushId": push_id, "organizations": organizations, "accounts": accounts},
        }
        return Message(self.topics.organization_events, push_id.encode(), orjson.dumps(value))

    def _topic(self, kind: Kind) -> str:
        return self.topics.account_events if kind is Kind.ACCOUNT else self.topics.organization_events


@dataclass(slots=True)
class Survey:
    """What the lines of all files are, before anything is published.

    Attributes:
        events: of each kind.
        subjects: of each kind, the hashes of the ids that occur.
    """

    events: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    subjects: dict[Kind, set[int]] = field(default_factory=lambda: {kind: set() for kind in Kind})
    _first: str | None = None
    _others: list[str] = field(default_factory=list)
    _wrong: int = 0

    @property
    def total(self) -> int:
        """How many events there are."""
        return sum(self.events.values())

    def add(self, name: str, file: BinaryIO, router: Router, progress: Callable[[int], None]) -> None:
        """Check all lines of a file."""
        for number, line in lines_of(file, router.longest_line):
            try:
                kind, message = router.route(line)
            except InvalidEvent as exc:
                self._note(f"{name}:{number}", exc)
                continue
            self.events[kind] += 1
            self.subjects[kind].add(hash(message.key))
            progress(self.total)

    def raise_if_wrong(self) -> None:
        """End here if there was a line that is no event.

        Raises:
            CommandFailed: names the first one with its fault, and the next ones.
        """
        if self._first is None:
            return
        others = ", ".join(self._others)
        more = self._wrong - 1 - len(self._others)
        also = f"; also {others}" + (f" and {more} more" if more else "") if others else ""
        raise CommandFailed(f"{self._first}{also}: nothing was published")

    def _note(self, place: str, error: InvalidEvent) -> None:
        self._wrong += 1
        if self._first is None:
            self._first = f"{place}: {error}"
        elif len(self._others) < _SHOWN_LINES:
            self._others.append(place)


def messages_of(name: str, file: BinaryIO, router: Router) -> Iterator[Message]:
    """The messages of a file that was surveyed.

    Raises:
        CommandFailed: the file has changed since.
    """
    for number, line in lines_of(file, router.longest_line):
        try:
            yield router.route(line)[1]
        except InvalidEvent as exc:
            raise CommandFailed(f"{name}:{number}: changed while it was read: publish it again ({exc})") from exc


def taken_at(text: str, now: int) -> int:
    """The moment, in milliseconds, at which somebody says that records were taken.

    Args:
        text: ISO 8601 with an offset from UTC, or milliseconds since 1970.
        now: milliseconds.

    Raises:
        ConfigurationError: it is neither, or lies in the future.
    """
    moment = _moment(text)
    if moment is None or moment < _FIRST_MOMENT:
        remedy = "write a time with its offset, as in 2026-11-24T01:00:00Z, or milliseconds since 1970"
        raise ConfigurationError(f"--taken {text}: {remedy}")
    if moment > now:
        raise ConfigurationError(f"--taken {text}: it lies in the future: correct it, or this machine's clock")
    return moment


def _moment(text: str) -> int | None:
    try:
        if text.isascii() and text.isdecimal():
            return int(text)
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if time.tzinfo is None else round(time.timestamp() * 1000)


def _pushed(line: bytes) -> Envelope:
    """The push event of a line, still without its push id."""
    record = _bare_record(line)
    if record is not None:
        event_type = EventType.ACCOUNT_PUSH if "userId" in record else EventType.ORGANIZATION_PUSH
        return Envelope(event_type, {"eventType": event_type.value, "bizData": record}, record)
    envelope = open_envelope(line)
    pushed_as = _PUSHED_AS.get(envelope.type)
    if pushed_as is None:
        raise InvalidEvent(
            DeadLetterReason.UNKNOWN_TYPE, f"{envelope.type} brings no whole record, as a full push does"
        )
    return Envelope(pushed_as, {**envelope.document, "eventType": pushed_as.value}, envelope.body)


def _bare_record(line: bytes) -> dict[str, Json] | None:
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or "eventType" in document:
        return None
    # Both ids are what a membership holds.
    return document if ("userId" in document) != ("organizationalUnitId" in document) else None


def lines_of(file: BinaryIO, longest: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers from 1; a byte order mark is left out.

    Args:
        file: is read from where it stands.
        longest: octets; of a longer line comes a piece that is longer than that, too.
    """
    for number in count(1):
        line = file.readline(longest + 1)
        if not line:
            return
        if len(line) > longest:
            yield number, line
            while line and not line.endswith(b"\n"):
                line = file.readline(longest)
            continue
        text = line.strip()
        if number == 1:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if text:
            yield number, text
