"""A pytest plugin for tests of speed: ratios within one process, never times; they are told at the end of the run."""

from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

ROUNDS = 5
_RATIO = "ratio"

Tell = Callable[[str, float, float], None]


def ratio(ours: Callable[[], object], yardstick: Callable[[], object]) -> float:
    """How much more processor time ours takes.

    In turns, and the best of each counts: what else the machine does takes time from both.
    """
    rounds = [(_cpu(ours), _cpu(yardstick)) for _ in range(ROUNDS)]
    return min(own for own, _ in rounds) / min(other for _, other in rounds)


def _cpu(act: Callable[[], object]) -> float:
    before = process_time()
    act()
    return process_time() - before


@pytest.fixture
def within(record_property: Callable[[str, object], None]) -> Tell:
    """Tells a ratio, and fails when it is greater than allowed: `within("what", ratio, most)`."""

    def judge(what: str, found: float, most: float) -> None:
        record_property(_RATIO, f"{what}: {found:.3g}, at most {most:.3g}")
        assert found <= most, f"{what}: {found:.3g}, more than {most:.3g}"

    return judge


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Tell all ratios, those within their limits too."""
    reports = [report for word in ("passed", "failed") for report in terminalreporter.getreports(word)]
    lines = [value for report in reports for name, value in report.user_properties if name == _RATIO]
    if lines:
        terminalreporter.section("ratios of processor time")
        terminalreporter.write("".join(f"{line}\n" for line in lines))
