"""The functions that look at all their arguments. Those that may leave some alone are in the compiler."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import orjson

from processors.expressions.errors import EvaluationError
from processors.expressions.values import check_length, check_size, concatenate, is_empty, kind, text_of
from schemas.events import Json

Implementation: TypeAlias = Callable[[Sequence[Json]], Json]


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language.

    Attributes:
        usage: how it is called, for messages.
        most: None for any number of arguments.
        run: None for the functions that the compiler makes itself.
    """

    usage: str
    least: int
    most: int | None
    run: Implementation | None = None


def _append(arguments: Sequence[Json]) -> Json:
    return concatenate(text_of(argument) or "" for argument in arguments)


def _join(arguments: Sequence[Json]) -> Json:
    *parts, separator = arguments
    return concatenate(filter(None, map(text_of, parts)), text_of(separator) or "")


def _is_null(arguments: Sequence[Json]) -> Json:
    return is_empty(arguments[0])


def _object_to_json_string(arguments: Sequence[Json]) -> Json:
    if arguments[0] is None:
        return None
    try:
        return orjson.dumps(arguments[0]).decode()
    except orjson.JSONEncodeError as exc:  # what no JSON reader gives: half a surrogate pair, 70 bits of a number
        raise EvaluationError("it cannot be written as JSON") from exc


def _array_join(arguments: Sequence[Json]) -> Json:
    array = array_of(arguments[0])
    return None if array is None else concatenate(filter(None, map(text_of, array)), text_of(arguments[1]) or "")


def _to_lower(arguments: Sequence[Json]) -> Json:
    text = text_of(arguments[0])
    return None if text is None else text.lower()


def _to_upper(arguments: Sequence[Json]) -> Json:
    text = text_of(arguments[0])
    return None if text is None else text.upper()


def _trim(arguments: Sequence[Json]) -> Json:
    text = text_of(arguments[0])
    return None if text is None else text.strip()


def _replace(arguments: Sequence[Json]) -> Json:
    text, old, new = (text_of(argument) for argument in arguments)
    if text is None:
        return None
    if not old:
        raise EvaluationError("the text to be replaced is empty")
    new = new or ""
    check_size(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _sub_string(arguments: Sequence[Json]) -> Json:
    text, start = text_of(arguments[0]), _count(arguments[1])
    end = None if len(arguments) == 2 else start + _count(arguments[2])  # noqa: PLR2004 - the length was left out
    return None if text is None else text[start:end]


def _split(arguments: Sequence[Json]) -> Json:
    text, separator = text_of(arguments[0]), text_of(arguments[1])
    if not separator:
        raise EvaluationError("the separator is empty")
    if text is None:
        return None
    check_length(text.count(separator) + 1)
    return [part for part in text.split(separator) if part]


def array_of(value: Json) -> list[Json] | None:
    """Take a value as an array, or null.

    Raises:
        EvaluationError: it is something else, or too long.
    """
    if value is None:
        return None
    if isinstance(value, list):
        check_length(len(value))
        return value
    raise EvaluationError(f"{kind(value)} is not an array")


def _count(value: Json) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise EvaluationError("start and length must be whole numbers that are not negative")


FUNCTIONS: Final[Mapping[str, Function]] = {
    "Append": Function("Append(a, …)", 1, None, _append),
    "ArrayJoin": Function("ArrayJoin(array, separator)", 2, 2, _array_join),
    "ArrayMap": Function("ArrayMap(array, expression with __item)", 2, 2),
    "Coalesce": Function("Coalesce(a, …)", 1, None),
    "IIF": Function("IIF(condition, then, else)", 3, 3),
    "IsNull": Function("IsNull(value)", 1, 1, _is_null),
    "Join": Function("Join(a, …, separator)", 2, None, _join),
    "ObjectToJsonString": Function("ObjectToJsonString(value)", 1, 1, _object_to_json_string),
    "Replace": Function("Replace(text, old, new)", 3, 3, _replace),
    "Split": Function("Split(text, separator)", 2, 2, _split),
    "SubString": Function("SubString(text, start, length?)", 2, 3, _sub_string),
    "ToLower": Function("ToLower(text)", 1, 1, _to_lower),
    "ToUpper": Function("ToUpper(text)", 1, 1, _to_upper),
    "Trim": Function("Trim(text)", 1, 1, _trim),
}
