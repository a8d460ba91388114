"""SVG by hand (https://www.w3.org/TR/SVG11/): a few shapes with rounded numbers; equal data give equal files."""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

WIDTH: Final = 760
PAPER: Final = "#ffffff"
INK: Final = "#1f2328"
FAINT: Final = "#d0d7de"
QUIET: Final = "#59636e"
ALARM: Final = "#b42318"
# Told apart by those too who do not tell red from green (Okabe and Ito, https://jfly.uni-koeln.de/color/).
COLOURS: Final = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#7a5195")
SIZE: Final = 13
_LETTER: Final = 0.56  # of the size, on the average
_FONT: Final = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif"


def width_of(text: str, size: float = SIZE) -> float:
    """About how wide a text is."""
    return len(text) * size * _LETTER


class Canvas:
    """A drawing on white paper: it is legible on every page, dark ones too.

    Args:
        height: in pixels.
        title: of the whole; the first thing that a screen reader says.
        description: what else it says.
    """

    def __init__(self, height: float, title: str, description: str) -> None:
        size = {"width": str(WIDTH), "height": _number(height), "viewBox": f"0 0 {WIDTH} {_number(height)}"}
        self._root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
        self._root.set("font-family", _FONT)
        ET.SubElement(self._root, "title").text = title
        ET.SubElement(self._root, "desc").text = description
        paper = {"width": str(WIDTH), "height": _number(height), "rx": "6", "fill": PAPER, "stroke": FAINT}
        ET.SubElement(self._root, "rect", paper)

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        anchor: str = "start",
        size: float = SIZE,
        colour: str = INK,
        bold: bool = False,
        turned: bool = False,
    ) -> None:
        """Write words; `y` is their base line. `turned`: from below to above."""
        place = {"x": _number(x), "y": _number(y), "text-anchor": anchor, "font-size": _number(size), "fill": colour}
        place |= {"stroke": PAPER, "stroke-width": "3", "paint-order": "stroke"}  # legible across lines
        if bold:
            place["font-weight"] = "bold"
        if turned:
            place["transform"] = f"rotate(-90 {_number(x)} {_number(y)})"
        ET.SubElement(self._root, "text", place).text = words

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: str, *, dashed: bool = False) -> None:
        """Draw a straight line."""
        ends = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
        shape = {**{name: _number(value) for name, value in ends.items()}, "stroke": colour}
        if dashed:
            shape |= {"stroke-dasharray": "6 4", "stroke-width": "1.5"}
        ET.SubElement(self._root, "line", shape)

    def path(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """Draw a line through points, with a dot at each of them."""
        if len(points) > 1:
            joined = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
            shape = {"points": joined, "fill": "none", "stroke": colour, "stroke-width": "2.5"}
            ET.SubElement(self._root, "polyline", shape)
        for x, y in points:
            ET.SubElement(self._root, "circle", {"cx": _number(x), "cy": _number(y), "r": "4", "fill": colour})

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """Draw a rectangle; one too short to be seen is drawn a pixel wide."""
        shape = {"x": x, "y": y, "width": max(width, 1.0), "height": height}
        ET.SubElement(self._root, "rect", {**{name: _number(value) for name, value in shape.items()}, "fill": colour})

    def svg(self) -> str:
        """The file."""
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
