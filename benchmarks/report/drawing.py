"""Draws charts."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from benchmarks.report.axis import Axis, shown
from benchmarks.report.canvas import ALARM, COLOURS, FAINT, QUIET, SIZE, WIDTH, Canvas, width_of
from benchmarks.report.charts import BarChart, Chart, LineChart, Target

_MARGIN: Final = 20.0
_TOP: Final = 44.0  # below the title
_LEGEND: Final = 26.0
_PLOT: Final = 260.0  # the height of a line chart without what is around it
_FOOT: Final = 52.0
_BAR: Final = 20.0
_GAP: Final = 14.0
_SMALL: Final = 11.5
_INSET: Final = 28.0  # so that what is written at the outermost points stands within the plot


def draw(chart: Chart) -> str:
    """A chart as SVG."""
    return _lines(chart) if isinstance(chart, LineChart) else _bars(chart)


def _lines(chart: LineChart) -> str:
    across = Axis.over((x for series in chart.series for x, _ in series.points), is_log=chart.log_x)
    values = [y for series in chart.series for _, y in series.points]
    upward = Axis.over((*values, *(target.value for target in chart.targets)), is_log=chart.log_y)
    names = [series.name for series in chart.series]
    top = _TOP + _LEGEND
    canvas = _canvas(top + _PLOT + _FOOT, chart, names)
    left = _MARGIN + SIZE + 12 + max(width_of(shown(tick), _SMALL) for tick in upward.ticks())
    right = WIDTH - _MARGIN

    def x_of(value: float) -> float:
        return left + _INSET + across.place(value) * (right - left - 2 * _INSET)

    def y_of(value: float) -> float:
        return top + (1 - upward.place(value)) * _PLOT

    for tick in upward.ticks():
        canvas.line((left, y_of(tick)), (right, y_of(tick)), FAINT)
        canvas.text(left - 8, y_of(tick) + 4, shown(tick), anchor="end", size=_SMALL, colour=QUIET)
    for tick in across.ticks():
        canvas.line((x_of(tick), top), (x_of(tick), top + _PLOT), FAINT)
        canvas.text(x_of(tick), top + _PLOT + 18, shown(tick), anchor="middle", size=_SMALL, colour=QUIET)
    canvas.text((left + right) / 2, top + _PLOT + 40, chart.x_label, anchor="middle")
    canvas.text(_MARGIN + 6, top + _PLOT / 2, chart.y_label, anchor="middle", turned=True)
    for target in chart.targets:
        canvas.line((left, y_of(target.value)), (right, y_of(target.value)), ALARM, dashed=True)
        canvas.text(left + 48, y_of(target.value) - 6, target.label, size=_SMALL, colour=ALARM)
    for series, colour in zip(chart.series, COLOURS, strict=False):
        canvas.path([(x_of(x), y_of(y)) for x, y in series.points], colour)
    for x, values_there in _by_x(chart).items():
        taken: list[float] = []
        for place, (value, colour) in enumerate(values_there):
            # The lowest one stands below its line. What would stand upon another is left out: the table has it.
            is_last = place == len(values_there) - 1 > 0
            base = y_of(value) + (18 if is_last else -9)
            if all(abs(base - other) >= _SMALL for other in taken):
                canvas.text(x_of(x), base, shown(value), anchor="middle", size=_SMALL, colour=colour)
                taken.append(base)
    return canvas.svg()


def _by_x(chart: LineChart) -> Mapping[float, Sequence[tuple[float, str]]]:
    """All values at each place and their colours, the greatest first."""
    found: dict[float, list[tuple[float, str]]] = {}
    for series, colour in zip(chart.series, COLOURS, strict=False):
        for x, y in series.points:
            found.setdefault(x, []).append((y, colour))
    return {x: sorted(values, reverse=True) for x, values in found.items()}


def _bars(chart: BarChart) -> str:
    values = [bar.value for _, bars in chart.groups for bar in bars]
    axis = Axis.over((*values, *(target.value for target in chart.targets)), is_log=False)
    names = list(dict.fromkeys(bar.series for _, bars in chart.groups for bar in bars))
    colours = dict(zip(names, COLOURS, strict=False))
    top = _TOP + (_LEGEND if len(names) > 1 else 0) + (16 if chart.targets else 0)
    height = sum(len(bars) * _BAR + _GAP for _, bars in chart.groups)
    canvas = _canvas(top + height + _FOOT, chart, names)
    left = _MARGIN + 10 + max(width_of(label) for label, _ in chart.groups)
    right = WIDTH - _MARGIN - max(width_of(shown(value), _SMALL) for value in values) - 8

    def x_of(value: float) -> float:
        return left + axis.place(value) * (right - left)

    for tick in axis.ticks():
        canvas.line((x_of(tick), top), (x_of(tick), top + height), FAINT)
        canvas.text(x_of(tick), top + height + 18, shown(tick), anchor="middle", size=_SMALL, colour=QUIET)
    canvas.text((left + right) / 2, top + height + 40, chart.label, anchor="middle")
    y = top + _GAP / 2
    for label, bars in chart.groups:
        canvas.text(left - 10, y + len(bars) * _BAR / 2 + 5, label, anchor="end")
        for bar in bars:
            canvas.bar(left, y + 1, x_of(bar.value) - left, _BAR - 2, colours[bar.series])
            canvas.text(x_of(bar.value) + 6, y + _BAR - 6, shown(bar.value), size=_SMALL)
            y += _BAR
        y += _GAP
    for target in chart.targets:
        canvas.line((x_of(target.value), top), (x_of(target.value), top + height), ALARM, dashed=True)
        _label_above(canvas, x_of(target.value), top - 5, target)
    return canvas.svg()


def _label_above(canvas: Canvas, x: float, y: float, target: Target) -> None:
    anchor = "end" if x + width_of(target.label, _SMALL) > WIDTH - _MARGIN else "start"
    canvas.text(x, y, target.label, anchor=anchor, size=_SMALL, colour=ALARM)


def _canvas(height: float, chart: Chart, names: Sequence[str]) -> Canvas:
    canvas = Canvas(height, chart.title, " ".join(_said(chart)))
    canvas.text(_MARGIN, 30, chart.title, size=16, bold=True)
    if len(names) > 1 or isinstance(chart, LineChart):
        x = _MARGIN
        for name, colour in zip(names, COLOURS, strict=False):
            canvas.bar(x, _TOP + 1, 12, 12, colour)
            canvas.text(x + 18, _TOP + 12, name)
            x += 18 + width_of(name) + 24
    return canvas


def _said(chart: Chart) -> Iterable[str]:
    """All values in words."""
    if isinstance(chart, LineChart):
        for series in chart.series:
            points = ", ".join(f"{shown(y)} at {shown(x)}" for x, y in series.points)
            yield f"{series.name} ({chart.y_label}): {points} {chart.x_label}."
    else:
        for label, bars in chart.groups:
            yield f"{label} ({chart.label}): " + ", ".join(f"{bar.series} {shown(bar.value)}" for bar in bars) + "."
    yield from (f"Target: {target.label}." for target in chart.targets)
