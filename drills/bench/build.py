"""Serves one build under load. The benchmark runs this file with the Python of that checkout.

It makes a cluster with fsync on and a history, writes the ids and access tokens that requests need
to a file, starts gunicorn, prints one line of JSON and serves until its standard input ends.
Usage: build.py FOLDER ROWS SLOTS
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Any

import psycopg

from api import auth, config
from drills.hot_paths import SETTINGS
from drills.past import DOCTORS, PATIENTS, make_past
from drills.stage import durable_cluster
from scripts.server import Cluster
from scripts.system import command_line
from tests.support.server import SECRET, environment, serve

DATABASE = "bench"
SERVED = {
    "WEB_CONCURRENCY": "2",
    "THREADS": "4",
    "DATABASE_POOL_SIZE": "4",
    "ACCESS_TOKEN_EXPIRE_MINUTES": "60",
    "LOG_LEVEL": "INFO",
}
CALLERS = 500  # patients who read
PATIENT_ROWS = (
    "select id::text, session_id::text from scale.people where role = 'patient' order by n"
)
DOCTOR_ROWS = "select id::text from scale.people where role = 'doctor' order by n"
# Slots in the order of their time, each with a patient: the doctors have the same hours, and no
# patient has two slots at one time.
SLOT_ROWS = """
select s.id::text,
       ((p.n - 1 + {doctors} * dense_rank() over (order by s.starts_at)) * 7919 % {patients})::int
  from app.availability_slots as s
  join scale.people as p on p.id = s.doctor_id
 where s.starts_at > now() + interval '1 day' and s.status = 'open'
 order by s.starts_at, p.n
"""
CONSULTATION_ROWS = """
select c.id::text, (p.n - {doctors} - 1)::int
  from app.consultations as c
  join scale.people as p on p.id = c.patient_id
 where p.n <= {doctors} + {callers}
 order by p.n, c.starts_at
"""


def main() -> None:
    folder, rows, slots = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(durable_cluster(settings=SETTINGS))
        leave_out_tools(cluster)
        make_past(cluster, DATABASE, rows, future_slots=slots)
        with psycopg.connect(cluster.url(DATABASE)) as connection:
            (folder / "data.json").write_text(json.dumps(data(connection)))
        log = folder / "server.log"
        url = cluster.url(DATABASE, "telemed_api")
        server = stack.enter_context(serve(url, log, **SERVED))
        ready = {
            "url": server.url,
            "server": server.process.pid,
            "database": int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0]),
            "connection": cluster.url(DATABASE),
            "log": str(log),
        }
        print(json.dumps(ready), flush=True)
        sys.stdin.read()


def leave_out_tools(cluster: Cluster) -> None:
    """Restart without plpgsql_check, which the drills of earlier builds load."""
    cluster.stop()
    cluster.settings["shared_preload_libraries"] = "pg_stat_statements"
    cluster.start()


def data(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Ids and access tokens."""
    settings = config.load(environment("postgresql://", SECRET_KEY=SECRET, **SERVED))
    numbers = {"doctors": DOCTORS, "patients": PATIENTS, "callers": CALLERS}

    def rows(query: str) -> list[tuple[Any, ...]]:
        return connection.execute(query.format(**numbers).encode()).fetchall()

    return {
        "secret": SECRET,
        "callers": CALLERS,
        "tokens": [
            auth.issue(settings, id_, "patient", session) for id_, session in rows(PATIENT_ROWS)
        ],
        "doctors": [id_ for (id_,) in rows(DOCTOR_ROWS)],
        "slots": rows(SLOT_ROWS),
        "consultations": rows(CONSULTATION_ROWS),
    }


if __name__ == "__main__":
    command_line("bench", main)
