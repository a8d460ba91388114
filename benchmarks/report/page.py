"""Puts results into `docs/performance.md`, between markers: tables, plots, and on which machine."""

import re
from collections.abc import Mapping
from typing import Any, Final

from benchmarks.report.view import Goal, View
from benchmarks.report.views import VIEWS

Documents = Mapping[str, Mapping[str, Any]]

_BLOCK: Final = re.compile(
    r"(?P<begin><!-- result: (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end of result -->)", re.DOTALL
)
_GOALS: Final = "goals"


def fill(page: str, documents: Documents) -> str:
    """The page with what is known now between its markers.

    Args:
        page: Markdown.
        documents: results by the benchmarks' names; what is missing is said to be so.

    Raises:
        KeyError: a marker names no benchmark.
    """

    def block(match: re.Match[str]) -> str:
        name = match["name"]
        text = _goals(documents) if name == _GOALS else _result(name, documents.get(name))
        return f"{match['begin']}\n{text}\n{match['end']}"

    return _BLOCK.sub(block, page)


def views_of(documents: Documents) -> Mapping[str, View]:
    """Of all results, in the order of the page."""
    return {name: view(documents[name]) for name, view in VIEWS.items() if name in documents}


def _result(name: str, document: Mapping[str, Any] | None) -> str:
    view_of = VIEWS[name]
    if document is None:
        return f"Not measured yet: `python -m benchmarks.{name}`.\n"
    view = view_of(document)
    plots = "\n".join(f"![{chart.title}](plots/{file}.svg)" for file, chart in view.charts.items())
    return f"{_table(view.heading, view.rows)}\n{plots}\n\n{_machine(document['machine'])}\n"


def _goals(documents: Documents) -> str:
    goals = [goal for view in views_of(documents).values() for goal in view.goals]
    return _table(("target", "wanted", "found", "reached"), [_words(goal) for goal in goals])


def _words(goal: Goal) -> tuple[str, ...]:
    return goal.what, goal.wanted, goal.found, "yes" if goal.is_met else "**no**"


def _table(heading: tuple[str, ...], rows: "tuple[tuple[str, ...], ...] | list[tuple[str, ...]]") -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _machine(found: Mapping[str, Any]) -> str:
    return (
        f"On {found['cores']} cores ({found['cpu']}), {found['memory_gib']} GiB,"
        f" Python {found['python']}, slapd {found['slapd']}; the load average at the end was {found['load']}."
    )
