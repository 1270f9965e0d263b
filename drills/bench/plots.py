"""Draws the plots of a report. Runs with a Python that has matplotlib: plots.py JSON FOLDER."""

from __future__ import annotations

import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

COLORS = {
    "this build": "#1b6ca8",
    "earlier build": "#8fb8d8",
    "peer": "#d9822b",
    "PostGraphile": "#8a8a8a",
}
PATHS = ("book", "slots", "get", "list", "replay", "sold-out")
PERCENTILES = ("p50", "p95", "p99")


def main() -> None:
    # The same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    results = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[2])
    rounds: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for each in results["rounds"]:
        rounds[each["stack"], each["path"], each["clients"]].append(each)
    throughput(rounds, folder / "bench-throughput.svg")
    latency(rounds, folder / "bench-latency.svg")
    if results["open_loop"]:
        open_loop(results["open_loop"], folder / "bench-open-loop.svg")


def throughput(rounds: dict[tuple[str, str, int], list[dict[str, Any]]], file: Path) -> None:
    clients = sorted({key[2] for key in rounds})
    paths = [path for path in PATHS if any(key[1] == path for key in rounds)]
    stacks = [name for name in COLORS if any(key[0] == name for key in rounds)]
    figure, axes = plt.subplots(1, len(clients), figsize=(9, 3.2), sharey=True, squeeze=False)
    for axis, number in zip(axes[0], clients, strict=True):
        for place, stack in enumerate(stacks):
            for x, path in enumerate(paths):
                if found := rounds.get((stack, path, number)):
                    speeds = [each["per_second"] for each in found]
                    middle = statistics.median(speeds)
                    axis.bar(
                        x + (place - len(stacks) / 2 + 0.5) * 0.8 / len(stacks),
                        middle,
                        0.8 / len(stacks),
                        color=COLORS[stack],
                        label=stack if x == 0 else None,
                        yerr=[[middle - min(speeds)], [max(speeds) - middle]],
                        error_kw={"elinewidth": 0.7, "ecolor": "#444444"},
                    )
        axis.set_xticks(range(len(paths)), paths)
        axis.set_title(f"{number} clients")
    axes[0][0].set_ylabel("requests/s")
    axes[0][0].legend(frameon=False)
    save(figure, file)


def latency(rounds: dict[tuple[str, str, int], list[dict[str, Any]]], file: Path) -> None:
    number = min(key[2] for key in rounds)
    paths = [path for path in PATHS if any(key[1] == path for key in rounds)]
    figure, axes = plt.subplots(1, len(paths), figsize=(9, 2.8), sharey=True, squeeze=False)
    for axis, path in zip(axes[0], paths, strict=True):
        for stack, color in COLORS.items():
            if found := rounds.get((stack, path, number)):
                values = [
                    statistics.median(each[f"{p}_us"] for each in found) / 1000 for p in PERCENTILES
                ]
                axis.plot(PERCENTILES, values, "o-", color=color, label=stack, markersize=3)
        axis.set_title(path)
        axis.set_yscale("log")
    axes[0][0].set_ylabel(f"ms, {number} clients")
    axes[0][0].legend(frameon=False)
    save(figure, file)


def open_loop(latencies: list[dict[str, Any]], file: Path) -> None:
    paths = sorted({each["path"] for each in latencies})
    figure, axes = plt.subplots(1, len(paths), figsize=(9, 3.2), squeeze=False)
    for axis, path in zip(axes[0], paths, strict=True):
        for stack, color in COLORS.items():
            found = sorted(
                (each["rate"], each["p50_ms"], each["p99_ms"], each["dropped"], each["answered"])
                for each in latencies
                if (each["stack"], each["path"]) == (stack, path)
            )
            if not found:
                continue
            rates = [each[0] for each in found]
            axis.plot(rates, [e[2] for e in found], "-", color=color, label=f"{stack}, p99")
            axis.plot(rates, [e[1] for e in found], ":", color=color, label="p50")
            for rate, _, p99, dropped, answered in found:
                is_sustained = dropped <= 0.01 * (answered + dropped)
                axis.plot([rate], [p99], "o" if is_sustained else "x", color=color, markersize=4)
        axis.set_title(f"{path} (x: not sustained)")
        axis.set_xlabel("offered requests/s")
        axis.set_yscale("log")
    axes[0][0].set_ylabel("ms")
    axes[0][0].legend(frameon=False)
    save(figure, file)


def save(figure: Any, file: Path) -> None:
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
