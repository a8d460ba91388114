"""One axis of a plot: where a value lies, and which values are written beside it."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Final, Self

_STEPS: Final = (1, 2, 5)
_MOST_TICKS: Final = 7
_FEWEST_TICKS: Final = 3


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`; linear ones begin with 0, so that lengths can be compared by eye."""

    low: float
    high: float
    is_log: bool

    @classmethod
    def over(cls, values: Iterable[float], *, is_log: bool) -> Self:
        """An axis on which all values lie; none of them may be negative, nor 0 when it is logarithmic."""
        found = list(values)
        if is_log:
            low, high = _round(min(found), up=False), _round(max(found), up=True)
            return cls(low, high if high > low else 10 * low, is_log=True)
        step = _step(max(found) or 1)
        return cls(0, step * math.ceil((max(found) or 1) / step - 1e-9), is_log=False)

    def place(self, value: float) -> float:
        """Where the value lies: 0 at the beginning of the axis, 1 at its end."""
        if not self.is_log:
            return (value - self.low) / (self.high - self.low)
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        """Round values along it."""
        if not self.is_log:
            step = _step(self.high)
            return [number * step for number in range(round(self.high / step) + 1)]
        tens = self._steps((1,))
        return tens if len(tens) >= _FEWEST_TICKS else self._steps(_STEPS)

    def _steps(self, steps: tuple[int, ...]) -> list[float]:
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        return [tick for power in powers for step in steps if self.low <= (tick := _power(step, power)) <= self.high]


def shown(value: float) -> str:
    """A number for people, with three digits that say something at most where it is small."""
    if value >= 100:  # noqa: PLR2004 - three digits
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _step(high: float) -> float:
    """The least round step with which no more ticks than fit reach `high`."""
    for power in count(math.floor(math.log10(high)) - 1):
        for step in _STEPS:
            if high / _power(step, power) <= _MOST_TICKS - 1:
                return _power(step, power)
    raise AssertionError  # `count` has no end


def _round(value: float, *, up: bool) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    power = math.floor(math.log10(value))
    candidates = [_power(step, each) for each in (power, power + 1) for step in _STEPS]
    if up:
        return next(one for one in candidates if one >= value * (1 - 1e-9))
    return next(one for one in reversed(candidates) if one <= value * (1 + 1e-9))


def _power(step: int, power: int) -> float:
    return float(f"{step}e{power}")
