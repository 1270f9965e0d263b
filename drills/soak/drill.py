"""One run: the mix of requests, samples of the clinic, and the comparison with its rows."""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from api.password_hashing import hash_password
from drills.load_tools import Answer, Tally, offer
from drills.past import DOCTORS, PATIENTS, make_past
from drills.processes import cpu_seconds
from drills.production import FUTURE, PRODUCTION, VIOLATIONS, choices
from drills.soak.samples import Sample, Sampler
from scripts.server import Cluster
from tests.support.client import PASSWORD
from tests.support.server import children, serve, wait_for

MIX = (sys.executable, "-m", "drills.soak.mix")
EXPECTED = {"book": 201}  # of all other paths: 200
SEAL_SECONDS = 60  # between two seals of the audit log, as docs/operations.md asks for


@dataclass
class Plan:
    """The load: bookings a second, reads for each, seconds, seconds between two samples."""

    bookings: int = 116
    reads: int = 10
    seconds: float = 3600
    pause: float = 5
    past: int = 200_000  # consultations
    doctors: int = DOCTORS
    patients: int = PATIENTS
    clients: int = 200  # connections at most

    @property
    def requests(self) -> int:
        """Requests that are on schedule."""
        return int(self.bookings * (1 + self.reads) * self.seconds)


@dataclass
class Interval:
    """A sample, and the answers since the sample before."""

    sample: Sample
    answers: Tally


@dataclass
class Result:
    """What happened: intervals, all answers, and the consultations in the database afterwards."""

    plan: Plan
    version: str
    intervals: list[Interval] = field(default_factory=list)
    answers: Tally = field(default_factory=Tally)
    errors: Counter[tuple[str, int, str]] = field(default_factory=Counter)  # path, status, detail
    booked: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    found: dict[str, str] = field(default_factory=dict)  # status by consultation
    violations: dict[str, int] = field(default_factory=dict)
    generator_seconds: float = 0  # processor time of the load generator
    hash_seconds: float = 0  # of one password

    def add(self, sample: Sample, answers: list[Answer]) -> None:
        interval = Interval(sample, Tally())
        interval.answers.add(answers)
        self.intervals.append(interval)
        self.answers.add(answers)
        for answer in answers:
            if answer.status != EXPECTED.get(answer.path, 200):
                self.errors[answer.path, answer.status, answer.result] += 1
            elif answer.result:
                (self.cancelled if answer.path == "cancel" else self.booked).add(answer.result)


def run(cluster: Cluster, database: str, folder: Path, plan: Plan) -> Result:
    """Make a clinic and run the mix; logs go to `folder`."""
    each = int(plan.bookings * plan.seconds * 1.1 / plan.doctors) + 2  # a tenth stays open
    people = {"doctors": plan.doctors, "patients": plan.patients}
    make_past(cluster, database, plan.past, each, **people)
    data = folder / "data.json"
    data.write_text(json.dumps(choices(cluster, database, int(plan.seconds / 60) + 60)))
    hashing_since = time.monotonic()
    hash_password(PASSWORD, int(PRODUCTION["BCRYPT_COST"]))
    result = Result(plan, cluster.version, hash_seconds=time.monotonic() - hashing_since)
    with (
        serve(cluster.url(database, "telemed_api"), folder / "api.log", **PRODUCTION) as server,
        closing(Sampler(cluster, database, server)) as sampler,
    ):
        wait_for(server.url + "/health/ready", 200)
        while len(children(server.process.pid)) < int(PRODUCTION["WEB_CONCURRENCY"]):
            time.sleep(0.01)
        ((began,),) = sampler.sql("select now()::text")
        result.add(sampler.sample(), [])
        variables = {
            "URL": server.url,
            "DATA": data,
            "BOOKINGS": plan.bookings,
            "READS": plan.reads,
            "DURATION": plan.seconds,
            "CLIENTS": plan.clients,
        }
        with offer(MIX, folder, **variables) as load:
            sealed_at, over = time.monotonic(), False
            while not over:
                over = load.wait(plan.pause)
                if time.monotonic() - sealed_at > SEAL_SECONDS:
                    sealed_at = time.monotonic()
                    sampler.sql("select from ops.seal_audit()")
                used = cpu_seconds(load.process.pid)
                result.generator_seconds = used or result.generator_seconds
                result.add(sampler.sample(), load.new())
                os.truncate(server.log, 0)  # a line for each request
        result.found = dict(sampler.sql(FUTURE))
        result.violations = dict(sampler.sql(VIOLATIONS.format(began)))
    return result
