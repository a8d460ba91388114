"""What benchmarks make of what they read."""

import pytest

from benchmarks.latency import percentiles
from benchmarks.usage import csn_time


def test_the_time_of_a_change_has_microseconds() -> None:
    """As slapd writes it into entryCSN."""
    assert csn_time(b"19700102000001.000250Z#000000#000#000000") == pytest.approx(86_401.000250, abs=1e-7)


def test_percentiles_are_values_that_were_met() -> None:
    """Of a thousand, a tenth of a percent is one."""
    found = percentiles([number / 1000 for number in range(1000)], "add")
    assert found == {
        "add_p50_milliseconds": 500.0,
        "add_p99_milliseconds": 990.0,
        "add_p99_9_milliseconds": 999.0,
    }


def test_too_few_values_have_no_rare_ones() -> None:
    """One value in a hundred does not exist among ten."""
    found = percentiles([0.001] * 10, "add")
    assert (found["add_p50_milliseconds"], found["add_p99_milliseconds"]) == (1.0, None)
