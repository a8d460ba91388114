"""The dead letters that lie in Kafka, read back (contract section 1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streams.kafka import Received, read_to_end
from streams.settings import Settings

_PREFIX: Final = "ldapflow-"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter; its value has no password, but is personal, and is not shown by `repr`.

    Attributes:
        partition: where the dead letter itself lies.
        offset: as `partition`.
        topic: where the event that failed lies, or lay.
        original_partition: as `topic`.
        original_offset: as `topic`.
        time: milliseconds: when it failed.
        attempt: 1, or more after retries.
        key: of the event.
        value: the event without its password; None when it could not be read, or was too large.
        headers: all of them, as text.
    """

    partition: int
    offset: int
    reason: str
    detail: str
    topic: str
    original_partition: int
    original_offset: int
    time: int
    attempt: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"DeadLetter({self.place}, {self.reason}, of {self.origin})"

    @property
    def place(self) -> str:
        """Its name on the command line."""
        return f"{self.partition}:{self.offset}"

    @property
    def origin(self) -> str:
        """Where the event lies, for people."""
        return f"{self.topic} {self.original_partition}:{self.original_offset}"

    @property
    def identifier(self) -> str:
        """The key as text: the account's or organization's id."""
        return self.key.decode("utf-8", "backslashreplace")


def read_dead_letters(settings: Settings) -> list[DeadLetter]:
    """All dead letters that are retained, in their order.

    Raises:
        CommandFailed: Kafka does not answer, or the topic is missing.
    """
    return dead_letters_of(read_to_end(settings, [settings.topics.dead_letters]))


def dead_letters_of(messages: Iterable[Received]) -> list[DeadLetter]:
    """The dead letters among the messages of their topic; what others wrote there is left out."""
    letters = (_dead_letter(message) for message in messages)
    return [letter for letter in letters if letter is not None]


def _dead_letter(message: Received) -> DeadLetter | None:
    headers = {name: value.decode("utf-8", "replace") for name, value in message.headers}
    try:
        return DeadLetter(
            partition=message.partition,
            offset=message.offset,
            reason=headers[_PREFIX + "reason"],
            detail=headers.get(_PREFIX + "detail", ""),
            topic=headers[_PREFIX + "topic"],
            original_partition=int(headers[_PREFIX + "partition"]),
            original_offset=int(headers[_PREFIX + "offset"]),
            time=int(headers[_PREFIX + "time"]),
            attempt=int(headers[_PREFIX + "attempt"]),
            key=message.key or b"",
            value=message.value,
            headers=tuple(headers.items()),
        )
    except (KeyError, ValueError):
        return None
