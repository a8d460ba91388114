"""Plots of what benchmarks have found, and the page that they stand on."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.plots import PAGE, PLOTS, plots, results
from benchmarks.report.axis import Axis, shown
from benchmarks.report.charts import Bar, BarChart, Chart, LineChart, Series, Target
from benchmarks.report.drawing import draw
from benchmarks.report.page import fill
from benchmarks.report.views import VIEWS

SVG = "{http://www.w3.org/2000/svg}"
LINES = LineChart(
    "Of & by",
    "events/s",
    "ms",
    (Series("p50", ((10, 4), (500, 14))), Series("p99", ((10, 11),))),
    (Target(25, "<= 25"),),
)
BARS = BarChart(
    "Rates",
    "a second",
    (("one", (Bar("ours", 310), Bar("theirs", 976))), ("two", (Bar("ours", 0),))),
    (Target(500, "500"),),
)
DOCUMENT: dict[str, Any] = {
    "benchmark": "protocol",
    "machine": {"cores": 2, "cpu": "x", "memory_gib": 24, "python": "3.11", "slapd": "2.5", "load": 0.1},
    "adds": {"per_second": 12_831, "cpu_us_each": 24.1, "ldap3_per_second": 2143, "ldap3_cpu_us_each": 357.2},
    "paged_read": {"per_second": 77_450, "cpu_us_each": 8.0, "ldap3_per_second": 7843, "ldap3_cpu_us_each": 106.1},
}
MARKED = "before\n<!-- result: {} -->\nold\n<!-- end of result -->\nafter\n"


@pytest.mark.parametrize(
    ("values", "is_log", "ticks"),
    [
        ([0.2, 1.3], False, [0, 0.5, 1, 1.5]),
        ([310, 9231], False, [0, 2000, 4000, 6000, 8000, 10_000]),
        ([0], False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ([4, 160], True, [2, 5, 10, 20, 50, 100, 200]),
        ([1000, 1_000_000], True, [1000, 10_000, 100_000, 1_000_000]),
        ([100], True, [100, 200, 500, 1000]),
    ],
)
def test_ticks_are_round_and_cover_all_values(values: list[float], is_log: bool, ticks: list[float]) -> None:  # noqa: FBT001 - a case
    """Whatever the values are."""
    axis = Axis.over(values, is_log=is_log)
    assert axis.ticks() == pytest.approx(ticks)
    assert all(0 <= axis.place(value) <= 1 for value in (*values, *ticks))


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.12345, "0.123"), (8.0, "8"), (99.96, "100"), (12345.6, "12,346")]
)
def test_numbers_have_three_digits_that_say_something(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("chart", "values"),
    [
        (LINES, ["4", "14", "11", "p50", "p99", "<= 25", "events/s", "ms"]),
        (BARS, ["310", "976", "0", "one", "two", "500", "a second"]),
    ],
)
def test_a_plot_is_xml_that_carries_its_data(chart: Chart, values: list[str]) -> None:
    """As texts that can be seen, and in words for who cannot see it."""
    root = ET.fromstring(draw(chart))  # noqa: S314 - our own
    assert root.tag == f"{SVG}svg"
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert set(values) <= set(texts)
    assert root.findtext(f"{SVG}title") == chart.title
    assert all(value in str(root.findtext(f"{SVG}desc")) for value in values)


def test_bars_are_as_long_as_their_values() -> None:
    """Twice as much is twice as long, from 0 on."""
    chart = BarChart("t", "l", (("g", (Bar("a", 100), Bar("a", 200))),))
    bars = [element for element in ET.fromstring(draw(chart)).iter(f"{SVG}rect") if element.get("height") == "18"]  # noqa: S314
    short, long = (float(bar.get("width", 0)) for bar in bars)
    assert long == pytest.approx(2 * short, abs=0.2)


def test_a_target_is_dashed() -> None:
    """And where its value is."""
    dashed = [one for one in ET.fromstring(draw(BARS)).iter(f"{SVG}line") if one.get("stroke-dasharray")]  # noqa: S314
    assert len(dashed) == 1
    assert dashed[0].get("x1") == dashed[0].get("x2")


def test_a_result_stands_between_its_markers_and_nothing_else_changes() -> None:
    """Filled again, the page stays as it is."""
    page = fill(MARKED.format("protocol"), {"protocol": DOCUMENT})
    assert page.startswith("before\n<!-- result: protocol -->\n")
    assert page.endswith("<!-- end of result -->\nafter\n")
    assert "| adds | 12,831 | 24.1 | 2,143 | 357 |" in page
    assert "old" not in page
    assert fill(page, {"protocol": DOCUMENT}) == page


def test_what_is_not_measured_is_said_to_be_so() -> None:
    """No figure of an earlier time stays."""
    page = fill(MARKED.format("growth"), {})
    assert "Not measured yet: `python -m benchmarks.growth`." in page
    assert "old" not in page


def test_a_marker_of_no_benchmark_is_a_mistake() -> None:
    """Nothing would ever fill it."""
    with pytest.raises(KeyError):
        fill(MARKED.format("nothing"), {})


def test_the_page_and_its_plots_are_those_of_the_results() -> None:
    """Otherwise run `python -m benchmarks.plots`."""
    documents = results()
    page = PAGE.read_text()
    assert fill(page, documents) == page
    assert {path.name: path.read_text() for path in PLOTS.glob("*.svg")} == plots(documents)


def test_every_result_has_its_place_on_the_page() -> None:
    """And every benchmark that can be shown."""
    page = PAGE.read_text()
    assert results().keys() <= VIEWS.keys()
    assert [name for name in VIEWS if f"<!-- result: {name} -->" not in page] == []
