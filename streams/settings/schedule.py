"""When a verification is due, as far as a configuration can be wrong about it."""

from typing import Final

_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")

# Of each field: its name, the lowest and the highest number, the names that stand for numbers.
_MINUTE: Final = ("minute", 0, 59, ())
_HOUR: Final = ("hour", 0, 23, ())
_DAY: Final = ("day of the month", 1, 31, ())
_MONTH: Final = ("month", 1, 12, _MONTHS)
_WEEKDAY: Final = ("day of the week", 0, 7, _DAYS)
_SECOND: Final = ("second", 0, 59, ())
_PLAIN: Final = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
_QUARTZ: Final = (_SECOND, *_PLAIN)


def check_cron(text: str) -> None:
    """Accept five fields, or the six of Quartz (seconds first, `?` for "any"); lists, ranges, steps and names.

    Raises:
        ValueError: names the field that is wrong.
    """
    fields = text.split()
    if len(fields) not in {len(_PLAIN), len(_QUARTZ)}:
        raise ValueError(
            "must be a cron expression of five fields (minute hour day month weekday) or six (second first)"
        )
    quartz = len(fields) == len(_QUARTZ)
    for field, (name, low, high, names) in zip(fields, _QUARTZ if quartz else _PLAIN, strict=True):
        if field == "?" and quartz and name.startswith("day"):
            continue
        for part in field.split(","):
            _check_part(part, name, low, high, names)


def _check_part(part: str, name: str, low: int, high: int, names: tuple[str, ...]) -> None:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        raise ValueError(f"has a wrong step in the field {name}: a number above 0 follows the slash")
    if span == "*":
        return
    first, dash, last = span.partition("-")
    numbers = [_number(word, names) for word in ((first, last) if dash else (first,))]
    known = [number for number in numbers if number is not None and low <= number <= high]
    if len(known) < len(numbers):
        raise ValueError(f"has a wrong {name}: a number from {low} to {high}, *, a list, a range or a step")
    if known != sorted(known):
        raise ValueError(f"has a range in the field {name} that ends before it begins")


def _number(word: str, names: tuple[str, ...]) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word)
    if word.upper() in names:
        return names.index(word.upper()) + (1 if names is _MONTHS else 0)
    return None
