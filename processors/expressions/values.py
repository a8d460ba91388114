"""JSON values as expressions see them: what is empty, what is text, what is true, what is equal."""

from collections.abc import Iterable
from typing import Final

from processors.expressions.errors import EvaluationError
from schemas.events import Json

MAX_SIZE: Final = 524_288  # characters of a result: as many as an event has at most by default, for the sake of photos
MAX_LENGTH: Final = 10_000  # items of an array


def kind(value: Json) -> str:
    """Name a value's type for people."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case dict():
            return "an object"


def is_empty(value: Json) -> bool:
    """Null, absent, or of length 0: what `IsNull` and `Coalesce` ask."""
    return value is None or (isinstance(value, (str, list, dict)) and not value)


def text_of(value: Json) -> str | None:
    """Write a value as text; null has none. Whole numbers have no decimal point.

    Raises:
        EvaluationError: an array or an object.
    """
    match value:
        case None:
            return None
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else repr(value)
        case list() | dict():
            raise EvaluationError(f"{kind(value)} is not text")


def truth_of(value: Json) -> bool:
    """Take a value as a condition; null counts as false.

    Raises:
        EvaluationError: it is neither a boolean nor null.
    """
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    raise EvaluationError(f"{kind(value)} is not a condition: compare it with == or IsNull")


def equal(one: Json, other: Json) -> bool:
    """Compare as JSON does: 1 is 1.0, but neither true nor "1"."""
    if kind(one) != kind(other):
        return False
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return one == other


def size_of(value: Json) -> int:
    """Count the characters that a value holds, at any depth."""
    match value:
        case str():
            return len(value)
        case list():
            return len(value) + sum(map(size_of, value))
        case dict():
            return sum(len(key) + size_of(item) for key, item in value.items())
        case _:
            return 1


def concatenate(parts: Iterable[str], separator: str = "") -> str:
    """Put texts together, but never more than may be a result.

    Raises:
        EvaluationError: it would be too long.
    """
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part) + (len(separator) if kept else 0)
        check_size(size)
        kept.append(part)
    return separator.join(kept)


def check_size(size: int) -> None:
    """Refuse a result that is too large.

    Raises:
        EvaluationError: it is.
    """
    if size > MAX_SIZE:
        raise EvaluationError(f"the result has more than {MAX_SIZE} characters")


def check_length(length: int) -> None:
    """Refuse an array that is too long.

    Raises:
        EvaluationError: it is.
    """
    if length > MAX_LENGTH:
        raise EvaluationError(f"the array has more than {MAX_LENGTH} items")
