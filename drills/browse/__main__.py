"""Send people without a plan through the console, in Chromium. DURATION=7200 SEED=1 PEOPLE=6

Each page that they see must have the properties of drills/browse/properties.py. PLAIN=1 needs no
Chromium: a browser without scripts and pictures, and without axe-core.
"""

from __future__ import annotations

import os
import tempfile
from itertools import cycle, islice
from pathlib import Path

from drills import report
from drills.browse import drill, properties
from drills.browse.browsers import Plain, chromium_for
from drills.browse.drill import Journal, Walker
from drills.browse.people import ROLES
from scripts.cluster import TEMPLATE, THROWAWAY, deployed_cluster
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_browse"


def main() -> None:
    seconds = float(os.environ.get("DURATION") or 7200)
    seed, count = report.seed(), int(os.environ.get("PEOPLE") or 6)
    plain, journal = bool(os.environ.get("PLAIN")), Journal()
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}browse-") as name,
        deployed_cluster() as cluster,
    ):
        cluster.create_database(DATABASE, TEMPLATE)
        with drill.clinic(cluster, DATABASE, Path(name)) as (people, server):

            def walk(browsers: list[drill.Browser]) -> None:
                walkers = [
                    Walker(people, role, browser, server.url, f"{seed}/{n}", journal)
                    for n, (role, browser) in enumerate(zip(cycle(ROLES), browsers, strict=False))
                ]
                drill.browse(walkers, seconds)

            if plain:
                walk([Plain(server.url) for _ in range(count)])
            else:
                with chromium_for(server.url, count) as tabs:
                    walk(list(islice(tabs, count)))
            failures = [
                f"{property_}: {role}: {example}"
                for (property_, _, role), example in sorted(journal.violations.items())
            ]
            failures += drill.after(cluster, DATABASE, server)
        version = cluster.version
    report.write("browse", text(journal, failures, seed, seconds, version, plain))
    for failure in failures:
        say(f"browse: {failure}")
    if failures:
        raise CommandError(f"{len(failures)} violations were found; SEED={seed} repeats the way")
    say(f"browse: {journal.pages.total():,} pages, no violation")


def text(
    journal: Journal, failures: list[str], seed: str, seconds: float, version: str, plain: bool
) -> str:
    """The report."""
    lines = [
        "# People without a plan in the console",
        "",
        "Patients, doctors and an admin follow links, fill and send forms with whatever they think"
        " of, reload, send old forms again and open addresses that others have seen. Every page"
        " that they get is checked. `make drill NAME=browse` repeats it.",
        "",
        f"Commit {report.commit()}, PostgreSQL {version}, seed {seed}, {seconds:.0f} s, "
        + ("a browser without scripts." if plain else "Chromium; axe-core on each new page."),
        "",
        "## Properties",
        "",
        *(
            f"- `{p.__name__}`: {' '.join((p.__doc__ or '').split())}"
            for p in properties.PROPERTIES
        ),
        "- `browser_has_no_complaint`: no error on Chromium's console, nothing that the"
        " Content-Security-Policy refuses, no violation of axe-core.",
        "- Afterwards, every invariant of the database holds, and the log has no bug.",
        "",
        "## Violations",
        "",
        *([f"- {failure}" for failure in failures] or ["None."]),
        "",
        "## What was done",
        "",
        *report.table(("step", "times"), journal.steps.most_common()),
        *report.table(("status", "pages"), sorted(journal.statuses.items())),
        *report.table(("page", "times"), sorted(journal.pages.items())),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    command_line("browse", main)
