"""What is shown of one benchmark's result."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.report.charts import Chart


@dataclass(frozen=True, slots=True)
class Goal:
    """A target of the project, and how far it is.

    Attributes:
        what: is measured.
        wanted: in words.
        found: in words.
    """

    what: str
    wanted: str
    found: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class View:
    """Everything.

    Attributes:
        heading: of the table's columns.
        rows: of the table.
        charts: by the names of their files.
    """

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    charts: Mapping[str, Chart]
    goals: tuple[Goal, ...] = ()
