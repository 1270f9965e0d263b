"""Draws the panels of the dashboards. Runs with a Python that has matplotlib: draw.py JSON FILE."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

COLUMNS = 3
LONGEST_NAME = 48
UNITS = {
    "reqps": "requests/s",
    "ops": "1/s",
    "s": "seconds",
    "percentunit": "share",
    "bytes": "MB",
    "short": "",
}


def main() -> None:
    mpl.rcParams.update({"font.size": 7, "axes.grid": True, "grid.alpha": 0.3})
    panels: list[dict[str, Any]] = json.loads(Path(sys.argv[1]).read_text())
    rows: list[list[dict[str, Any]]] = []
    for _, group in itertools.groupby(panels, key=lambda panel: panel["dashboard"]):
        found = list(group)
        rows += [found[n : n + COLUMNS] for n in range(0, len(found), COLUMNS)]
    figure, axes = plt.subplots(len(rows), COLUMNS, figsize=(13, 2 * len(rows)), squeeze=False)
    for row, places in zip(rows, axes, strict=True):
        for panel, axis in itertools.zip_longest(row, places):
            if panel is None:
                axis.axis("off")
            else:
                draw(panel, axis)
    figure.tight_layout()
    figure.savefig(sys.argv[2], dpi=80, metadata={"Software": None})


def draw(panel: dict[str, Any], axis: Any) -> None:
    scale = 1e-6 if panel["unit"] == "bytes" else 1.0
    start = min((each["values"][0][0] for each in panel["series"] if each["values"]), default=0)
    for each in panel["series"]:
        times = [at - start for at, _ in each["values"]]
        values = [value * scale for _, value in each["values"]]
        axis.plot(times, values, linewidth=1, label=each["name"][:LONGEST_NAME])
    axis.set_title(f"{panel['dashboard']}: {panel['title']}", fontsize=8)
    axis.set_ylabel(UNITS[panel["unit"]])
    axis.set_ylim(bottom=0)
    if panel["series"]:
        legend = axis.legend(fontsize=5, framealpha=0.5, edgecolor="none", loc="upper left")
        legend.set_in_layout(False)
    else:
        axis.text(0.5, 0.5, "no data", ha="center", transform=axis.transAxes, color="#888888")


if __name__ == "__main__":
    main()
