"""What a plot shows, before it is drawn."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A value that is to be reached, drawn as a dashed line."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Series:
    """Points of one thing, from left to right."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One value, and what it is of: bars of one series have one colour."""

    series: str
    value: float


@dataclass(frozen=True, slots=True)
class LineChart:
    """How values depend on a quantity.

    Attributes:
        x_label: the quantity, with its unit.
        y_label: the values, with their unit.
        log_x: whether that axis is logarithmic.
        log_y: the same.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    targets: tuple[Target, ...] = ()
    log_x: bool = True
    log_y: bool = False


@dataclass(frozen=True, slots=True)
class BarChart:
    """Values side by side.

    Attributes:
        label: what the bars' length is, with its unit.
        groups: bars that belong together, by what is written beside them.
    """

    title: str
    label: str
    groups: tuple[tuple[str, tuple[Bar, ...]], ...]
    targets: tuple[Target, ...] = ()


Chart = LineChart | BarChart
