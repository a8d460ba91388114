"""A message as it lies in a topic, in our own words."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message


@dataclass(frozen=True, slots=True)
class Received:
    """One message that was read; its value is not shown, it may hold a password.

    Attributes:
        time: milliseconds: the Kafka timestamp.
    """

    topic: str
    partition: int
    offset: int
    time: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def __repr__(self) -> str:
        return f"Received({self.topic}-{self.partition} at {self.offset})"

    @property
    def identifier(self) -> str:
        """The key as text, whatever its bytes are."""
        return identifier_of(self.key)


def identifier_of(key: bytes | None) -> str:
    """A message's key as text, whatever its bytes are."""
    return (key or b"").decode("utf-8", "backslashreplace")


def received(message: Message) -> Received | None:
    """Take a message over from librdkafka; None for one that says nothing but an error."""
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    if topic is None or partition is None or offset is None:
        return None
    written: Any = message.headers() or ()  # its declared type allows more than librdkafka gives: pairs
    headers = tuple((name, value or b"") for name, value in written)
    return Received(topic, partition, offset, message.timestamp()[1], message.key(), message.value(), headers)
