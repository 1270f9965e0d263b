"""Deploy to the database of each clinic of CLINICS: `make deploy CLINICS=clinics.toml`.

The clinics are taken in the order of the file. Each is deployed by scripts/deploy.sh with the
variables of its file, and then checked by `python -m api doctor`. The first failure stops the
command. The next run leaves out the clinics that have every change of sqitch.plan, and so goes on
where this one stopped; all of them are checked.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from api import clinic_files, doctor
from scripts.system import CHECKOUT

# A change, but neither a pragma, a tag nor a note.
CHANGE = re.compile(r"^([a-z_]+/[a-z0-9_]+) ", re.M)
CHECKS = ("database", "context-key")


def main(path: str) -> int:
    """Deploy and check; the exit status."""
    try:
        clinics = clinic_files.read(path)
    except ValueError as error:
        return _fail(str(error))
    for number, clinic in enumerate(clinics.values(), 1):
        progress = f"{clinic.name} ({number} of {len(clinics)})"
        environment = {**os.environ, **clinic.variables}
        if _has_every_change(environment):
            _say(f"{progress}: has every change")
        elif subprocess.run(("sh", "scripts/deploy.sh"), cwd=CHECKOUT, env=environment).returncode:
            return _fail(f"stopped at {progress}: mend it and run the same command again")
        variables = {**environment, "CLINICS": path, "CLINIC": clinic.name}
        if faults := _faults(variables):
            for fault in faults:
                _say(f"  {fault.subject}: {fault.found}\n    -> {fault.advice}")
            return _fail(f"stopped at {progress}: mend it and run the same command again")
        _say(f"{progress}: checked")
    return 0


def _has_every_change(environment: dict[str, str]) -> bool:
    """Whether the newest change is the last one of the plan, and none is missing."""
    planned = CHANGE.findall((CHECKOUT / "sqitch.plan").read_text())
    query = (
        "select count(*), (array_agg(change order by committed_at desc, planned_at desc))[1]"
        " from sqitch.changes"
    )
    found = subprocess.run(
        ("psql", "-XAtq", "-F", " ", "-c", query),
        env={"PGDATABASE": "telemed", "PGCONNECT_TIMEOUT": "5", **environment},
        capture_output=True,
        text=True,
    )
    return found.stdout.split() == [str(len(planned)), planned[-1]]


def _faults(environment: dict[str, str]) -> list[doctor.Finding]:
    return [f for f in doctor.examine(CHECKS, environment) if f.state == "fault"]


def _say(line: str) -> None:
    sys.stdout.write(f"clinics: {line}\n")
    sys.stdout.flush()


def _fail(reason: str) -> int:
    sys.stderr.write(f"clinics: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(str(Path(os.environ["CLINICS"]).resolve())))
