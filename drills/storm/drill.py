"""One run: readers, a crowd at a sold-out slot, bookings, and log-ins beside them."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import requests

from api.password_hashing import hash_password
from drills.load_tools import Answer, Tally, k6_script, offer
from drills.past import DOCTORS, PATIENTS, make_past
from drills.production import FUTURE, PRODUCTION, VIOLATIONS, choices
from scripts.server import Cluster
from tests.support.client import PASSWORD, ok
from tests.support.server import serve, wait_for

CROWDS = Path(__file__).parent / "crowds.js"
# Clients come through one proxy, each with an address of its own.
SETTINGS = PRODUCTION | {"TRUSTED_PROXIES": "1"}
# Real hashes; the log-ins of make_past have none.
PASSWORDS = """
set session_replication_role = replica;
update app.users set password_hash = '{}' where role = 'patient'
"""
READER, LOG_INS = "one reader", "log-ins alone"
SOLD_OUT = "a sold-out slot, a request a second each"
SOLD_OUT_IMPATIENT = "a sold-out slot, without pauses"
ALONE, BESIDE = "bookings alone", "bookings beside log-ins"
BESIDE_IMPATIENT = "bookings beside log-ins without pauses"


@dataclass
class Plan:
    """The parameters of a run."""

    seconds: float = 15  # of each part
    rounds: int = 3  # of bookings alone and beside log-ins, in turns
    crowd: int = 64
    bookers: int = 8
    past: int = 20_000  # consultations
    slots: int = 400  # open ones of each doctor, of which every booking takes one
    doctors: int = DOCTORS
    patients: int = PATIENTS
    cost: int = 12  # of bcrypt


@dataclass
class Result:
    """Answers by part, and the consultations in the database afterwards."""

    plan: Plan
    version: str
    parts: dict[str, Tally] = field(default_factory=dict)
    bookings: dict[str, list[int]] = field(default_factory=dict)  # by part, of each round
    hash_seconds: float = 0  # of one password
    errors: Counter[tuple[str, int, str]] = field(default_factory=Counter)  # path, status, detail
    booked: set[str] = field(default_factory=set)
    found: set[str] = field(default_factory=set)
    violations: dict[str, int] = field(default_factory=dict)

    def add(self, part: str, answers: list[Answer]) -> None:
        self.parts.setdefault(part, Tally()).add(answers)
        booked = sum(answer.status == 201 for answer in answers)
        self.bookings.setdefault(part, []).append(booked)
        for answer in answers:
            if answer.status == 201:
                self.booked.add(answer.result)
            elif answer.status != 200:
                self.errors[answer.path, answer.status, answer.result] += 1


def run(cluster: Cluster, database: str, folder: Path, plan: Plan) -> Result:
    """Make a clinic and send the crowds; logs go to `folder`."""
    people = {"doctors": plan.doctors, "patients": plan.patients}
    make_past(cluster, database, plan.past, plan.slots, **people)
    hashing_since = time.monotonic()
    password_hash = hash_password(PASSWORD, plan.cost)
    result = Result(plan, cluster.version, hash_seconds=time.monotonic() - hashing_since)
    cluster.sql(PASSWORDS.format(password_hash), database)
    data = choices(cluster, database, minutes=120)
    sold_out, patient = data["bookings"].pop()
    (folder / "data.json").write_text(json.dumps(data))
    settings = SETTINGS | {"BCRYPT_COST": str(plan.cost)}
    with serve(cluster.url(database, "telemed_api"), folder / "api.log", **settings) as server:
        wait_for(server.url + "/health/ready", 200)
        began = cluster.sql("select now()", database)
        book(server.url, sold_out, data["tokens"][patient], result)

        def send(part: str, *, impatient: bool = False, **crowds: int) -> None:
            variables = {
                "URL": server.url,
                "DATA": folder / "data.json",
                "CROWDS": json.dumps(crowds),
                "DURATION": plan.seconds,
                "SOLD_OUT": sold_out,
                "FIRST": len(result.booked),
                "PASSWORD": PASSWORD,
                "IMPATIENT": "1" if impatient else "",
            }
            with offer(k6_script(CROWDS, folder), folder, **variables) as load:
                result.add(part, load.finish(plan.seconds))

        send(READER, read=1)
        send(SOLD_OUT, bookSoldOut=plan.crowd)
        send(SOLD_OUT_IMPATIENT, impatient=True, bookSoldOut=plan.crowd)
        send(LOG_INS, logIn=plan.crowd)
        for _ in range(plan.rounds):
            send(ALONE, bookOpen=plan.bookers)
            send(BESIDE, bookOpen=plan.bookers, logIn=plan.crowd)
            send(BESIDE_IMPATIENT, impatient=True, bookOpen=plan.bookers, logIn=plan.crowd)
    with psycopg.connect(cluster.url(database)) as connection:
        result.found = {id_ for id_, _ in connection.execute(FUTURE)}
        result.violations = dict(connection.execute(VIOLATIONS.format(began).encode()))
    return result


def book(url: str, slot: str, token: str, result: Result) -> None:
    """Book the slot that the crowd wants."""
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "first"}
    answer = requests.post(
        f"{url}/v1/consultations", json={"slot_id": slot}, headers=headers, timeout=60
    )
    result.booked.add(ok(answer, 201)["id"])
