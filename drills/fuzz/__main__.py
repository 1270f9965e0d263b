"""Send what Schemathesis makes from the OpenAPI document, as every role. EXAMPLES=150 SEED=1

EXAMPLES is the number of random requests of each operation; ROLES=patient sends as one role.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from drills import report
from drills.fuzz import drill, findings
from scripts.cluster import TEMPLATE, THROWAWAY, deployed_cluster
from scripts.system import CommandError, command_line, say

DATABASE = "telemed_fuzz"


def main() -> None:
    plan = drill.Plan(seed=int(report.seed()), examples=int(os.environ.get("EXAMPLES") or 150))
    roles = (os.environ.get("ROLES") or ",".join(drill.ROLES)).split(",")
    answered = []
    with (
        tempfile.TemporaryDirectory(prefix=f"{THROWAWAY}fuzz-") as name,
        deployed_cluster() as cluster,
    ):
        folder = Path(name)
        cluster.create_database(DATABASE, TEMPLATE)
        with drill.demo_clinic(cluster, DATABASE, folder, plan.others) as (clinic, server):
            for role in roles:
                found = drill.send(clinic, server.url, role, plan, folder)
                say(f"fuzz: {role}: {found.cases:,} cases in {found.seconds:.0f} s")
                answered.append(found)
            faults = findings.faults(answered, drill.bugs(server), clinic.violations())
    excesses = list(findings.excesses(answered))
    report.write("fuzz", findings.text(answered, plan, cluster.version, [*faults, *excesses]))
    for failure in (*faults, *excesses):
        say(f"fuzz: {failure}")
    if faults:
        raise CommandError("faults were found")
    if excesses:
        raise CommandError("no fault was found, but in too few cases")
    say("fuzz: no fault was found")


if __name__ == "__main__":
    command_line("fuzz", main)
