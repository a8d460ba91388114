"""The cron expressions that a configuration may hold, and what is wrong with others."""

import re
from dataclasses import dataclass
from typing import Final

from croniter import CroniterBadDateError, croniter

ANY: Final = "*"
_ANY_DAY: Final = 0.0


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an expression; the names stand for the numbers from `low` on."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

_SECOND: Final = _Field("second", 0, 59)
_COMMON: Final = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
)
_PLAIN: Final = (*_COMMON, _Field("day of the week", 0, 7, _DAYS))
_QUARTZ: Final = (_SECOND, *_COMMON, _Field("day of the week", 1, 7, _DAYS))


def check_cron(text: str) -> None:
    """Accept five fields, or the six of Quartz (seconds first, `?` for "any"); lists, ranges, steps and names.

    Raises:
        ValueError: names the field that is wrong, or says that such a day never comes.
    """
    try:
        croniter(" ".join(cron_fields(text)), _ANY_DAY, second_at_beginning=True).get_next()
    except CroniterBadDateError as exc:
        raise ValueError("never comes: no such month has such a day") from exc


def cron_fields(text: str) -> tuple[str, ...]:
    """The six fields second, minute, hour, day, month, weekday, each `*` or a list of numbers; Sunday is 0.

    In the five fields of Unix weekdays are 0 to 7, Sunday first and last; in the six of Quartz they are 1 to 7, Sunday
    first (Quartz, "CronTrigger").

    Raises:
        ValueError: names the field that is wrong.
    """
    words = text.split()
    if len(words) not in {len(_PLAIN), len(_QUARTZ)}:
        raise ValueError(
            "must be a cron expression of five fields (minute hour day month weekday) or six (second first)"
        )
    if len(words) == len(_PLAIN):
        *others, weekday = [_numbers(word, field) for word, field in zip(words, _PLAIN, strict=True)]
        return "0", *map(_listed, others), _listed(None if weekday is None else {number % 7 for number in weekday})
    for day in (3, 5):
        words[day] = ANY if words[day] == "?" else words[day]
    *others, weekday = [_numbers(word, field) for word, field in zip(words, _QUARTZ, strict=True)]
    if weekday is not None and others[3] is not None:
        raise ValueError("names a day of the month and one of the week, which Quartz does not allow: write ? for one")
    return *map(_listed, others), _listed(None if weekday is None else {number - 1 for number in weekday})


def _listed(numbers: set[int] | None) -> str:
    return ANY if numbers is None else ",".join(map(str, sorted(numbers)))


def _numbers(word: str, field: _Field) -> set[int] | None:
    """The numbers that a field means; None is all of them."""
    if word == ANY:
        return None
    return {number for part in word.split(",") for number in _part(part, field)}


def _part(part: str, field: _Field) -> range:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        raise ValueError(f"has a wrong step in the field {field.name}: a number above 0 follows the slash")
    first, dash, last = (f"{field.low}", "-", f"{field.high}") if span == ANY else span.partition("-")
    low = _number(first, field)
    high = _number(last, field) if dash else field.high if slash else low
    if high < low:
        raise ValueError(f"has a range in the field {field.name} that ends before it begins")
    return range(low, high + 1, int(step or 1))


def _number(word: str, field: _Field) -> int:
    known = field.names.index(word.upper()) + field.low if word.upper() in field.names else None
    number = int(word) if re.fullmatch(r"[0-9]{1,2}", word) else known
    if number is None or not field.low <= number <= field.high:
        raise ValueError(
            f"has a wrong {field.name}: a number from {field.low} to {field.high}, *, a list, a range or a step"
        )
    return number
