"""How many deletions are too many (design section 5, "Guard")."""

from dataclasses import dataclass
from typing import Final

_DIGITS: Final = 6  # of a percentage; hides what binary fractions do to it


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The limits of one kind.

    Attributes:
        count: so many entries may go within the window; None is no such limit.
        percent: so many percent of the entries that were there when the window began; None is no such limit.
        window_ms: the sliding window, milliseconds.
    """

    count: int | None
    percent: float | None
    window_ms: int

    def window_start(self, now: int) -> int:
        """Since when removals count, milliseconds."""
        return now - self.window_ms


def is_full(removals_in_window: int, bound: int, limits: GuardLimits) -> bool:
    """Whether one more removal would be more than either limit allows.

    Args:
        removals_in_window: entries that went within the window, approved ones left out.
        bound: entries that are there now.
        limits: of that kind.
    """
    after = removals_in_window + 1
    if limits.count is not None and after > limits.count:
        return True
    if limits.percent is None:
        return False
    return after * 100 > round(limits.percent * (bound + removals_in_window), _DIGITS)


def is_closed(removals_in_window: int, bound: int, held: int, limits: GuardLimits) -> bool:
    """Whether the next removal must be held.

    While anything of the kind is held, the window's sliding on opens nothing: else a directory would be emptied slowly,
    with nobody asked.

    Args:
        removals_in_window: as for `is_full`.
        bound: as for `is_full`.
        held: states of that kind that wait for a person.
        limits: of that kind.
    """
    return held > 0 or is_full(removals_in_window, bound, limits)
