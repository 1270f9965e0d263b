"""Charts, drawn by leather: SVG inside a page.

Its colours and fonts are attributes, which need no style in the page and which console.css replaces
in both colour schemes. Every chart stands above a table with its numbers.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence

from leather import Bars, Chart, Columns, Series  # type: ignore[import-untyped]
from markupsafe import Markup

WIDTH, COLUMNS_HEIGHT, BAR_HEIGHT = 720, 260, 26
MOST_LABELS = 8

Point = tuple[str, float]  # what it is about, and its value
Shown = Callable[[float], str]  # a value on an axis


def columns(label: str, points: Sequence[Point], shown: Shown) -> Markup:
    """A column for each point, from left to right. Nothing without a value to show."""
    if not any(value for _, value in points):
        return Markup("")
    chart = Chart()
    # Names may occur twice, so that positions stand for them.
    rows = [(str(place), value) for place, (_, value) in enumerate(points)]
    chart.add_series(Series(rows), Columns())
    step = -(-len(points) // MOST_LABELS)
    chart.add_x_axis(
        ticks=[place for place, _ in rows][::step],
        tick_formatter=lambda place, _index, _count: points[int(place)][0],
    )
    chart.add_y_scale(*_domain(points))
    chart.add_y_axis(tick_formatter=lambda value, _index, _count: shown(float(value)))
    return _svg(chart, label, COLUMNS_HEIGHT)


def bars(label: str, points: Sequence[Point], shown: Shown) -> Markup:
    """A bar for each point, from top to bottom. Nothing without a value to show."""
    if not any(value for _, value in points):
        return Markup("")
    chart = Chart()
    rows = [(value, str(place)) for place, (_, value) in enumerate(points)]
    chart.add_series(Series(rows[::-1]), Bars())
    chart.add_y_axis(tick_formatter=lambda place, _index, _count: points[int(place)][0])
    chart.add_x_scale(*_domain(points))
    chart.add_x_axis(tick_formatter=lambda value, _index, _count: shown(float(value)))
    return _svg(chart, label, 100 + BAR_HEIGHT * len(points))


def _domain(points: Sequence[Point]) -> tuple[float, float]:
    values = [value for _, value in points]
    return min(0, *values, 0), max(0, *values, 0)


def _svg(chart: Chart, label: str, height: int) -> Markup:
    svg = ET.Element("svg", viewBox=f"0 0 {WIDTH} {height}", role="img")
    svg.set("class", "chart")
    svg.set("aria-label", label)
    svg.append(chart.to_svg_group(WIDTH, height))
    # ElementTree has escaped every text and attribute.
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704
