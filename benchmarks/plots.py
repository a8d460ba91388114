"""Draws `docs/plots/*.svg`, and fills the tables of `docs/performance.md`, from `benchmarks/results/*.json`.

Run from the checkout: `python -m benchmarks.plots`. Each file of the results is what a benchmark printed with `--json`,
and is named after it; a benchmark without one is said not to be measured yet. Equal results give equal files.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.report.drawing import draw
from benchmarks.report.page import fill, views_of

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = ROOT / "benchmarks/results"
PAGE: Final = ROOT / "docs/performance.md"
PLOTS: Final = ROOT / "docs/plots"


def results() -> Mapping[str, Mapping[str, Any]]:
    """What was measured, by the names of the benchmarks.

    Raises:
        ValueError: a file is not named after the benchmark that it is of.
    """
    documents = {path.stem: orjson.loads(path.read_bytes()) for path in sorted(RESULTS.glob("*.json"))}
    for name, document in documents.items():
        if document["benchmark"] != name:
            raise ValueError(f"{name}.json is of {document['benchmark']}: rename it")
    return documents


def plots(documents: Mapping[str, Mapping[str, Any]]) -> Mapping[str, str]:
    """All plots, by the names of their files."""
    return {f"{name}.svg": draw(chart) for view in views_of(documents).values() for name, chart in view.charts.items()}


def main() -> None:
    """Write all files; plots of what is not measured any more are removed."""
    documents = results()
    drawn = plots(documents)
    PLOTS.mkdir(exist_ok=True)
    for old in PLOTS.glob("*.svg"):
        if old.name not in drawn:
            old.unlink()
    for name, text in drawn.items():
        (PLOTS / name).write_text(text)
    PAGE.write_text(fill(PAGE.read_text(), documents))
    sys.stdout.write(f"{len(drawn)} plots of {len(documents)} results\n")


if __name__ == "__main__":
    main()
