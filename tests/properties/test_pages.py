"""Pages of every list while rows are moved, added and removed between two pages.

Each row that stays untouched is shown exactly once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok
from tests.support.long import LONG
from tests.support.people import People, create_admin, log_in

SEEDS = range(3 if LONG else 1)
ROWS = 7
_numbers = count(1)


@dataclass
class Listed:
    """A list with rows, as one reader sees it.

    changes: each changes something and returns the ids of the rows that it touched. key: the field
    of a row that has its id.
    """

    reader: Client
    path: str
    ids: list[str]
    changes: list[Callable[[random.Random], list[str]]]
    query: dict[str, Any] = field(default_factory=dict)
    key: str = "id"


@dataclass
class Accounts:
    """Functions that make accounts."""

    new_patient: People
    new_doctor: People
    admin: Client
    stranger: Client
    second_admin: Callable[[], Client]


@pytest.fixture
def clinic(
    new_patient: People,
    new_doctor: People,
    admin: Client,
    stranger: Client,
    cluster: Cluster,
    database: str,
) -> Accounts:
    def second_admin() -> Client:
        email = f"admin{next(_numbers)}@clinic.test"
        create_admin(cluster.url(database), email)
        return log_in(stranger, email)

    return Accounts(new_patient, new_doctor, admin, stranger, second_admin)


def consultations(clinic: Accounts, role: str) -> Listed:
    """Consultations of one patient with one doctor: rescheduled, cancelled and booked."""
    patient, doctor = clinic.new_patient(), clinic.new_doctor()
    days = iter(range(200, 400))
    early = iter(range(20, 100))
    booked = [patient.book(doctor.publish(at(150 + n))) for n in range(ROWS)]
    ids = [row["id"] for row in booked]

    def move(days: Any) -> Callable[[random.Random], list[str]]:
        def change(rng: random.Random) -> list[str]:
            moved = rng.choice(ids)
            body = {"slot_id": doctor.publish(at(next(days)))["id"]}
            # This does not move a consultation that is cancelled already.
            patient.post(f"/v1/consultations/{moved}/reschedule", body, key=new_key())
            return [moved]

        return change

    def cancel(rng: random.Random) -> list[str]:
        cancelled = rng.choice(ids)
        patient.post(f"/v1/consultations/{cancelled}/cancel", {})
        return [cancelled]

    def book(rng: random.Random) -> list[str]:
        day = next(days) if rng.random() < 0.5 else next(early)
        return [patient.book(doctor.publish(at(day)))["id"]]

    reader = {"patient": patient, "doctor": doctor, "admin": clinic.admin}[role]
    query = {"patient_id": patient.id} if role == "admin" else {}
    return Listed(reader, "/v1/consultations", ids, [move(days), move(early), cancel, book], query)


def open_slots(clinic: Accounts, path: str, **filters: str) -> Listed:
    """Open slots, three at each time if all doctors are listed: booked, withdrawn and published."""
    specialty = f"Paging {next(_numbers)}"
    doctors = [clinic.new_doctor(specialty=specialty) for _ in range(3)]
    patient = clinic.new_patient()
    listed = doctors[:1] if path.startswith("/v1/doctors") else doctors
    days = list(range(10, 200))
    slots = [
        (doctor, doctor.publish(at(50 + n))) for n in range(9 // len(listed)) for doctor in listed
    ]
    by_id = {slot["id"]: doctor for doctor, slot in slots}

    def withdraw(rng: random.Random) -> list[str]:
        chosen = rng.choice(list(by_id))
        by_id[chosen].delete(f"/v1/slots/{chosen}")
        return [chosen]

    def book(rng: random.Random) -> list[str]:
        chosen = rng.choice(list(by_id))
        patient.post("/v1/consultations", {"slot_id": chosen}, key=new_key())
        return [chosen]

    def publish(rng: random.Random) -> list[str]:
        day = days.pop(rng.randrange(len(days)))
        return [rng.choice(listed).publish(at(day, 15))["id"]]

    query = {} if path.startswith("/v1/doctors") else {"specialty": specialty, **filters}
    return Listed(patient, path.format(listed[0].id), list(by_id), [withdraw, book, publish], query)


def doctors(clinic: Accounts, *, search: bool = False) -> Listed:
    """Doctors: deactivated and onboarded."""
    specialty = f"Paging {next(_numbers)}"
    ids = [clinic.new_doctor(specialty=specialty).id for _ in range(ROWS)]

    def leave(rng: random.Random) -> list[str]:
        chosen = rng.choice(ids)
        ok(clinic.admin.post(f"/v1/admin/users/{chosen}/deactivate"))
        return [chosen]

    def join(_rng: random.Random) -> list[str]:
        return [clinic.new_doctor(specialty=specialty).id]

    query = {"q": specialty} if search else {"specialty": specialty}
    return Listed(clinic.new_patient(), "/v1/doctors", ids, [leave, join], query)


def doctors_by_time(clinic: Accounts) -> Listed:
    """Doctors by their next free time, which changes, and two without one."""
    specialty = f"Paging {next(_numbers)}"
    made = [clinic.new_doctor(specialty=specialty) for _ in range(ROWS)]
    slots = {doctor.id: doctor.publish(at(50 + n // 2)) for n, doctor in enumerate(made[:-2])}
    patient = clinic.new_patient()
    days = count(60)

    def book(rng: random.Random) -> list[str]:
        chosen = rng.choice(list(slots))
        patient.post("/v1/consultations", {"slot_id": slots[chosen]["id"]}, key=new_key())
        return [chosen]

    def publish(rng: random.Random) -> list[str]:
        doctor = rng.choice(made[-2:])
        doctor.publish(at(next(days)))
        return [doctor.id]

    ids = [doctor.id for doctor in made]
    query = {"specialty": specialty, "sort": "next_free"}
    return Listed(patient, "/v1/doctors", ids, [book, publish], query)


def specialties(clinic: Accounts) -> Listed:
    """The list of specialties: only added. The id of a row is its code."""

    def add(_rng: random.Random) -> list[str]:
        name = f"Paging {next(_numbers)}"
        clinic.new_doctor(specialty=name)
        return [name.replace("Paging ", "paging_")]

    ids = [add(random.Random())[0] for _ in range(ROWS)]
    return Listed(clinic.new_patient(), "/v1/specialties", ids, [add], key="code")


def time_off(clinic: Accounts) -> Listed:
    """Time off: taken, and ended, which deletes the row."""
    doctor = clinic.new_doctor()
    days = count(30)

    def take(_rng: random.Random) -> list[str]:
        start = at(next(days))
        body = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
        return [ok(doctor.post("/v1/time-off", body), 201)["id"]]

    ids = [take(random.Random())[0] for _ in range(ROWS)]

    def end(rng: random.Random) -> list[str]:
        chosen = rng.choice(ids)
        doctor.delete(f"/v1/time-off/{chosen}")
        return [chosen]

    return Listed(doctor, "/v1/time-off", ids, [take, end])


def sessions(clinic: Accounts) -> Listed:
    """Sessions of one patient: begun and ended."""
    patient = clinic.new_patient()
    ids = [log_in(clinic.stranger, patient.email).session_id for _ in range(ROWS)]

    def begin(_rng: random.Random) -> list[str]:
        return [log_in(clinic.stranger, patient.email).session_id]

    def end(rng: random.Random) -> list[str]:
        chosen = rng.choice(ids)
        patient.delete(f"/v1/me/sessions/{chosen}")
        return [chosen]

    return Listed(patient, "/v1/me/sessions", [*ids, patient.session_id], [begin, end])


def payments(clinic: Accounts) -> Listed:
    """Payments of one consultation: only added."""
    patient, doctor = clinic.new_patient(), clinic.new_doctor()
    consultation = patient.book(doctor.publish(at(30)))

    def pay(_rng: random.Random) -> list[str]:
        return [clinic.admin.pay(consultation, 1)["id"]]

    ids = [pay(random.Random())[0] for _ in range(ROWS)]
    return Listed(patient, f"/v1/consultations/{consultation['id']}/payments", ids, [pay])


def webhooks(clinic: Accounts) -> Listed:
    """Webhooks: created and deleted."""

    def create(_rng: random.Random) -> list[str]:
        body = {"url": "https://hooks.clinic.test/in"}
        return [ok(clinic.admin.post("/v1/webhooks", body), 201)["id"]]

    ids = [create(random.Random())[0] for _ in range(ROWS)]

    def delete(rng: random.Random) -> list[str]:
        chosen = rng.choice(ids)
        clinic.admin.delete(f"/v1/webhooks/{chosen}")
        return [chosen]

    return Listed(clinic.admin, "/v1/webhooks", ids, [create, delete])


def access_log(clinic: Accounts) -> Listed:
    """Reads of a consultation, as its patient sees them: only added, also by each page."""
    patient, doctor = clinic.new_patient(), clinic.new_doctor()
    path = f"/v1/consultations/{patient.book(doctor.publish(at(30)))['id']}"

    def read(_rng: random.Random) -> list[str]:
        ok(doctor.get(path))
        return []

    for _ in range(ROWS):
        read(random.Random())
    found = ok(patient.get("/v1/me/access-log"))["items"]
    assert len(found) == ROWS
    return Listed(patient, "/v1/me/access-log", [str(row["id"]) for row in found], [read])


def in_order(listed: Listed, order: str) -> Listed:
    listed.query = {**listed.query, "order": order}
    return listed


LISTS: dict[str, Callable[[Accounts], Listed]] = {
    "consultations of a patient": lambda clinic: consultations(clinic, "patient"),
    "consultations of a doctor": lambda clinic: consultations(clinic, "doctor"),
    "consultations as an admin sees them": lambda clinic: consultations(clinic, "admin"),
    "open slots": lambda clinic: open_slots(clinic, "/v1/slots"),
    "open slots of a doctor": lambda clinic: open_slots(clinic, "/v1/doctors/{}/slots"),
    "open slots by hours": lambda clinic: open_slots(
        clinic, "/v1/slots", between="08:00-12:00", time_zone="UTC"
    ),
    "doctors": doctors,
    "doctors by a search": lambda clinic: doctors(clinic, search=True),
    "doctors by next free time": doctors_by_time,
    "specialties": specialties,
    "time off": time_off,
    "sessions": sessions,
    "payments": payments,
    "access log": access_log,
    "webhooks": webhooks,
    "webhooks, the latest first": lambda clinic: in_order(webhooks(clinic), "-created_at"),
    "consultations, the earliest first": lambda clinic: in_order(
        consultations(clinic, "doctor"), "starts_at"
    ),
    "open slots of a doctor, the latest first": lambda clinic: in_order(
        open_slots(clinic, "/v1/doctors/{}/slots"), "-starts_at"
    ),
    "time off, the latest first": lambda clinic: in_order(time_off(clinic), "-created_at"),
    "sessions, the latest first": lambda clinic: in_order(sessions(clinic), "-created_at"),
    "payments, the latest first": lambda clinic: in_order(payments(clinic), "-created_at"),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", LISTS)
def test_pages_show_every_untouched_row_once(name: str, seed: int, clinic: Accounts) -> None:
    rng = random.Random(seed)
    listed = LISTS[name](clinic)
    touched: set[str] = set()
    shown: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(100):
        page = ok(listed.reader.get(listed.path, limit=rng.randint(1, 3), **listed.query, **cursor))
        shown += [str(row[listed.key]) for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
        # The changes may hit the very row with which the page ended.
        for change in rng.sample(listed.changes, rng.randint(1, len(listed.changes))):
            touched.update(change(rng))
    else:
        raise AssertionError("the list does not end")
    untouched = [id_ for id_ in listed.ids if id_ not in touched]
    assert {id_: shown.count(id_) for id_ in untouched} == dict.fromkeys(untouched, 1)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/consultations", "/v1/slots", "/v1/doctors", "/v1/me/sessions", "/v1/specialties"),
        "/v1/me/access-log",
        *("/v1/admin/audit-logs", "/v1/admin/access-logs", "/v1/admin/users"),
    ],
)
def test_a_cursor_belongs_to_one_list_and_one_caller(
    path: str, clinic: Accounts, patient: Client
) -> None:
    doctor = clinic.new_doctor()
    for day in (1, 2):
        patient.book(doctor.publish(at(day)))
        doctor.publish(at(day, 12))
        log_in(clinic.stranger, patient.email)
        clinic.new_doctor(specialty=f"Paging {next(_numbers)}")
        # An admin reads a patient's consultations, which adds to the access log.
        ok(clinic.admin.get("/v1/consultations", patient_id=patient.id))
    reader = clinic.admin if "admin" in path else patient
    cursor = ok(reader.get(path, limit=1))["next_cursor"]
    assert ok(reader.get(path, limit=1, cursor=cursor))["items"]
    other_path = "/v1/slots" if path != "/v1/slots" else "/v1/doctors"
    stranger = clinic.second_admin() if reader is clinic.admin else clinic.new_patient()
    for caller, other in ((reader, other_path), (stranger, path)):
        answer = caller.get(other, cursor=cursor)
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["parameter"] == "cursor"
