"""64 clients compete for one slot, key or payment at one moment. ROUNDS=1000 CLIENTS=64 SEED= ONLY=

Every race runs through SQL and, a tenth of its rounds, through HTTP. The first wrong answer ends
the drill. ONLY=part of the name of a race runs some races and writes no report.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import requests

from drills import report
from drills.races.hot_spots import RACES
from drills.races.http_client import HttpClient
from drills.races.report import text
from drills.races.scene import Calendar, Findings, Observer, People, Run, Scene, Tally
from scripts.cluster import TEMPLATE, deploy, throwaway_cluster
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say
from tests.support.client import Client as Api
from tests.support.client import Contract
from tests.support.people import create_admin, log_in
from tests.support.server import serve, wait_for
from tests.support.sql_client import Client, SqlClient

DATABASE = "telemed_races"
WORKERS = 2


def main() -> None:
    run = Run(
        rounds=number("ROUNDS", 1000, at_least=10),
        clients=number("CLIENTS", 64, at_least=8),
        seed=report.seed(),
    )
    only = os.environ.get("ONLY", "")
    say(f"races: {run.clients} clients, {run.rounds} rounds, SEED={run.seed}")
    began = time.monotonic()
    with throwaway_cluster() as cluster:
        deploy(cluster, TEMPLATE)
        cluster.create_database(DATABASE, TEMPLATE)
        with psycopg.connect(cluster.url(DATABASE), autocommit=True) as observer:
            tallies = list(race(cluster, run, observer, only))
            findings = final_checks(observer)
    run.seconds = time.monotonic() - began
    if findings.violations or findings.deadlocks:
        raise CommandError(f"at the end, SEED={run.seed}: {findings.text()}")
    say(f"races: {findings.text()} ({run.seconds:.0f} s)")
    if not only:
        report.write("races", text(run, tallies, findings))


def race(cluster: Cluster, run: Run, observer: Observer, only: str) -> Iterator[Tally]:
    """Run the races whose names contain `only`; yields the counts of each."""
    calendar = Calendar()
    with api_for(cluster, run.clients) as url:
        people = make_people(cluster, url, run.clients)
        database = cluster.url(DATABASE, "telemed_api")
        ways: dict[str, tuple[Callable[[], Client], int]] = {
            "SQL": (lambda: SqlClient(database), run.rounds),
            "HTTP": (lambda: HttpClient(url), run.rounds // 10),
        }
        for way, (new_client, rounds) in ways.items():
            for name, rounds_of in RACES.items():
                if only not in name:
                    continue
                tally = Tally(name, way, rounds)
                clients = [new_client() for _ in range(run.clients)]
                with closing(Scene(tally, run, clients, people, calendar, observer)) as scene:
                    rounds_of(scene)
                say(f"races: {tally.text()}")
                yield tally


@contextmanager
def api_for(cluster: Cluster, clients: int) -> Iterator[str]:
    """Serve the API with a thread and a connection for each client; yields its address."""
    each = str(-(-clients // WORKERS))
    settings = {
        "WEB_CONCURRENCY": str(WORKERS),
        "THREADS": each,
        "DATABASE_POOL_SIZE": each,
    }
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with serve(cluster.url(DATABASE, "telemed_api"), log, **settings) as server:
            wait_for(server.url + "/health/ready", 200)
            yield server.url


def make_people(cluster: Cluster, url: str, patients: int) -> People:
    document = requests.get(url + "/openapi.json", timeout=60).json()
    anonymous = Api(url, Contract(document))
    create_admin(cluster.url(DATABASE), "chief@races.test")
    return People(anonymous, log_in(anonymous, "chief@races.test"), patients)


def final_checks(observer: Observer) -> Findings:
    """Check the invariants and count the deadlocks, once all clients have disconnected."""
    # A backend's last statistics are visible once it has ended.
    sessions = "select from pg_stat_activity where usename = 'telemed_api'"
    while observer.execute(sessions).fetchone():
        time.sleep(0.05)
    observer.execute("analyze")
    rules = observer.execute("select name, violations from ops.check_invariants()").fetchall()
    row = observer.execute(
        "select deadlocks, current_setting('server_version') from pg_stat_database"
        " where datname = current_database()"
    ).fetchone()
    deadlocks, version = row or (-1, "")
    violations = {name: violations for name, violations in rules if violations}
    return Findings(len(rules), violations, deadlocks, version.partition(" ")[0])


def number(variable: str, default: int, *, at_least: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < at_least:
        raise CommandError(f"{variable} is a whole number from {at_least}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    command_line("races", main)
