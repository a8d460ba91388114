"""The dead-letter topic: what can never succeed, with its reason and without its password (contract section 1)."""

from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from schemas.codec import redacted
from schemas.errors import DeadLetterReason, Permanent
from streams.kafka import Publisher

_HEADER_BYTES: Final = 1024
_VALUE_BYTES: Final = 900_000  # Kafka's default limit for a message is 1 MiB
_ATTEMPT: Final = "ldapflow-attempt"


@dataclass(frozen=True, slots=True)
class Original:
    """The message that failed; its value is not shown, it may hold a password.

    Attributes:
        started: when its handling began, in seconds of the monotonic clock.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    started: float = field(default_factory=monotonic, compare=False)

    def __repr__(self) -> str:
        return f"Original({self.topic}-{self.partition} at {self.offset})"

    @property
    def attempt(self) -> int:
        """1 for the first time, more after a retry by hand."""
        written = dict(self.headers).get(_ATTEMPT, b"")
        return int(written) if written.isdigit() else 1


async def send_dead_letter(publisher: Publisher, topic: str, original: Original, failure: Permanent, now: int) -> None:
    """Write one dead letter and wait until Kafka has it.

    Args:
        publisher: writes it.
        topic: the dead-letter topic.
        original: what failed. A value that is too large or does not decode is not copied: it cannot be cleaned.
        failure: why.
        now: milliseconds.

    Raises:
        Retryable: Kafka does not answer.
    """
    value = None if failure.reason is DeadLetterReason.TOO_LARGE else redacted(original.value)
    if value is not None and len(value) > _VALUE_BYTES:
        value = None
    headers = {
        "ldapflow-reason": failure.reason.value,
        "ldapflow-detail": failure.detail,
        "ldapflow-topic": original.topic,
        "ldapflow-partition": str(original.partition),
        "ldapflow-offset": str(original.offset),
        "ldapflow-time": str(now),
        _ATTEMPT: str(original.attempt),
    }
    cut = [(name, text.encode("utf-8", "replace")[:_HEADER_BYTES]) for name, text in headers.items()]
    await publisher.send(topic, original.key or b"", value, cut)
