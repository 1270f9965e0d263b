"""Tables and their foreign keys as SVG: a column of boxes for each domain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from html import escape

WIDTH, GAP, LINE, HEAD = 230, 70, 16, 26
STYLE = """
    text { font: 11px sans-serif; fill: #1f2933 } .head { font-weight: bold; fill: #fff }
    .domain { font: bold 14px sans-serif; fill: #52606d } .key { font-weight: bold }
    rect { fill: #fff; stroke: #9aa5b1 } rect.head { fill: #2a6f97; stroke: #2a6f97 }
    path { fill: none; stroke: #c1666b; stroke-width: 1.3; opacity: .6 }
"""


@dataclass
class Box:
    name: str
    domain: str
    columns: list[str]
    key: set[str]
    refers_to: dict[str, str]  # column -> table

    @property
    def height(self) -> int:
        return HEAD + LINE * len(self.columns) + 6


def draw(boxes: list[Box]) -> str:
    """One SVG document, always the same for the same boxes."""
    by_domain: dict[str, list[Box]] = defaultdict(list)
    for box in sorted(boxes, key=lambda box: (box.domain, box.name)):
        by_domain[box.domain].append(box)
    columns = pack(list(by_domain.values()))
    places: dict[str, tuple[int, int, Box]] = {}
    drawn: list[str] = []
    height = 0
    for number, column in enumerate(columns):
        x, y = 20 + number * (WIDTH + GAP), 30
        domain = ""
        for box in column:
            if box.domain != domain:
                domain = box.domain
                drawn.append(f'<text class="domain" x="{x}" y="{y + 4}">{escape(domain)}</text>')
                y += 16
            places[box.name] = (x, y, box)
            drawn += draw_box(x, y, box)
            y += box.height + 24
        height = max(height, y)
    lines = [
        line(places[box.name], box.columns.index(column), places[other])
        for box in boxes
        for column, other in sorted(box.refers_to.items())
        if other in places
    ]
    width = 40 + len(columns) * (WIDTH + GAP) - GAP
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" role="img">',
            "<title>Tables and foreign keys</title>",
            f"<style>{STYLE}</style>",
            f'<rect width="{width}" height="{height}" stroke="none"/>',
            *drawn,
            *lines,
            "</svg>\n",
        ]
    )


def pack(domains: list[list[Box]]) -> list[list[Box]]:
    """Domains side by side; a short one goes below the one before it."""
    highest = max(sum(box.height + 24 for box in boxes) for boxes in domains)
    columns: list[list[Box]] = []
    for boxes in domains:
        together = sum(box.height + 24 for box in [*(columns[-1] if columns else []), *boxes])
        if columns and together <= highest:
            columns[-1] += boxes
        else:
            columns.append(list(boxes))
    return columns


def draw_box(x: int, y: int, box: Box) -> list[str]:
    return [
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{box.height}" rx="4"/>',
        f'<rect class="head" x="{x}" y="{y}" width="{WIDTH}" height="{HEAD - 4}" rx="4"/>',
        f'<text class="head" x="{x + 8}" y="{y + 15}">{escape(box.name)}</text>',
        *(
            f'<text class="{"key" if column in box.key else ""}" x="{x + 8}"'
            f' y="{y + HEAD + 10 + LINE * n}">{escape(column)}</text>'
            for n, column in enumerate(box.columns)
        ),
    ]


def line(start: tuple[int, int, Box], row: int, end: tuple[int, int, Box]) -> str:
    (x1, y1, _), (x2, y2, _) = start, end
    y1, y2 = y1 + HEAD + 6 + LINE * row, y2 + 11
    if x1 == x2:
        return f'<path d="M{x1} {y1} C{x1 - 40} {y1} {x1 - 40} {y2} {x2} {y2}"/>'
    left, right = (x1 + WIDTH, x2) if x1 < x2 else (x1, x2 + WIDTH)
    middle = (left + right) // 2
    return f'<path d="M{left} {y1} C{middle} {y1} {middle} {y2} {right} {y2}"/>'
