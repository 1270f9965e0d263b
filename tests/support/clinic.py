"""A clinic with a person of every role and rows of every kind, for the security tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

import psycopg

from scripts.server import Cluster
from tests.support.client import at, new_key
from tests.support.sql_client import Person, SqlClient

# A superuser's connection, which reads the tables.
Onlooker: TypeAlias = psycopg.Connection[tuple[Any, ...]]

HASH = "$2b$04$" + "." * 53  # the hash of no known password
NOBODY = Person("", "", "")
# Each login is a member of one of the product's roles.
LOGINS = {"api": "telemed_api", "dba": "telemed_dba_login", "auditor": "telemed_auditor_login"}
MEMBERS = {"telemed_dba_login": "telemed_dba", "telemed_auditor_login": "telemed_auditor"}
FEE = {"fee_minor": 5000, "currency": "EUR"}


@dataclass
class Clinic:
    """A database with two unrelated pairs of a patient and a doctor.

    patient has consultations with doctor, other_patient with other_doctor: one is completed, with a
    prescription, a payment and a partial refund; one is scheduled and one cancelled.
    people: also admin, deactivated and nobody (anonymous). ids: of rows, by `<kind> of <person>`.
    """

    cluster: Cluster
    database: str
    onlooker: Onlooker
    people: dict[str, Person]
    emails: dict[str, str]
    ids: dict[str, str]
    api: SqlClient

    def url(self, login: str) -> str:
        """The address for a connection as api, dba or auditor."""
        return self.cluster.url(self.database, LOGINS[login])

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows that a superuser sees."""
        cursor = self.onlooker.execute(query.encode(), values or None)
        return cursor.fetchall() if cursor.description else []

    def log_in(self, name: str) -> Person:
        """Log a person in and return them with the new session."""
        answer = self.api.call(NOBODY, "log_in", email=self.emails[name], password_hash=HASH)
        assert answer.code == "", answer
        row = answer.row
        self.people[name] = Person(row["user_id"], row["role"], row["session_id"])
        self.ids[f"refresh token of {name}"] = row["refresh_token"]
        return self.people[name]

    def call(self, name: str, function: str, **arguments: object) -> dict[str, Any]:
        """The answer to a call that must succeed."""
        answer = self.api.call(self.people[name], function, **arguments)
        assert answer.code == "", (name, function, answer)
        return answer.row


@contextmanager
def open_clinic(cluster: Cluster, database: str) -> Iterator[Clinic]:
    """The clinic in a fresh deployed database; the functions of the API make most of its rows."""
    for login, role in MEMBERS.items():
        cluster.sql(f"""
            do $$ begin
                if to_regrole('{login}') is null then
                    create role {login} login in role {role};
                end if;
            end $$""")
    with (
        psycopg.connect(cluster.url(database), autocommit=True) as onlooker,
        closing(SqlClient(cluster.url(database, "telemed_api"))) as api,
    ):
        clinic = Clinic(cluster, database, onlooker, {"nobody": NOBODY}, {}, {}, api)
        _open_accounts(clinic)
        for patient, doctor, hour in (
            ("patient", "doctor", 8),
            ("other_patient", "other_doctor", 12),
        ):
            _live(clinic, patient, doctor, hour)
        yield clinic


def _open_accounts(clinic: Clinic) -> None:
    for name in ("admin", "doctor", "other_doctor", "patient", "other_patient", "deactivated"):
        clinic.emails[name] = email = f"{name}@attacked.test"
        person = {"email": email, "password_hash": HASH, "full_name": f"Name of {name}"}
        if name == "admin":
            clinic.rows("select ops.create_admin(%s, %s, %s)", tuple(person.values()))
        elif name.endswith("doctor"):
            practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin", **FEE}
            clinic.call("admin", "onboard_doctor", **person, **practice)
        else:
            clinic.call("nobody", "sign_up", **person)
        clinic.log_in(name)
        phone = f"+49 555 {len(clinic.emails):04}"
        clinic.call(name, "update_my_profile", phone=phone, versions=["*"])
    clinic.onlooker.execute(
        "update app.users set deactivated_at = app.clock() where id = %s",
        (clinic.people["deactivated"].id,),
    )


def _live(clinic: Clinic, patient: str, doctor: str, hour: int) -> None:
    """Consultations of a patient with their doctor, in slots that start at `hour`."""
    slots = []
    for n in range(5):
        start = at(3, hour) + n * timedelta(minutes=30)
        slot = {"starts_at": start, "ends_at": start + timedelta(minutes=30)}
        slots.append(clinic.call(doctor, "publish_slot", **slot)["id"])
    booked = []
    for slot_id in slots[:3]:
        request = {"slot_id": slot_id, "reason": f"reason of {patient}"}
        row = clinic.call(patient, "book_consultation", **request, idempotency_key=new_key())
        booked.append({"consultation_id": row["id"]})
    completed, scheduled, cancelled = booked
    notes = {"notes": f"notes on {patient}", "idempotency_key": new_key()}
    clinic.call(doctor, "complete_consultation", **completed, **notes)
    clinic.call(patient, "cancel_consultation", **cancelled, reason=f"excuse of {patient}")
    items = psycopg.types.json.Jsonb([{"drug": f"drug of {patient}", "dosage": "1 g"}])
    prescription = clinic.call(doctor, "issue_prescription", **completed, items=items)
    money = {"amount_minor": 5000, "currency": "EUR", "method": "card"}
    reference = {"provider_reference": f"money of {patient}", "idempotency_key": new_key()}
    payment = clinic.call("admin", "record_payment", **completed, **money, **reference)
    refund = {"payment_id": payment["id"], "amount_minor": 1000, "idempotency_key": new_key()}
    refunded = clinic.call("admin", "refund_payment", **refund, reason=f"refund of {patient}")
    day_off = {"starts_at": at(9, hour), "ends_at": at(9, hour + 1)}
    time_off = clinic.call(doctor, "take_time_off", **day_off, reason=f"holiday of {doctor}")
    clinic.ids |= {
        f"completed of {patient}": completed["consultation_id"],
        f"scheduled of {patient}": scheduled["consultation_id"],
        f"cancelled of {patient}": cancelled["consultation_id"],
        f"prescription of {patient}": prescription["id"],
        f"payment of {patient}": payment["id"],
        f"refund of {patient}": refunded["id"],
        f"booked slot of {doctor}": slots[1],
        f"open slot of {doctor}": slots[3],
        f"last slot of {doctor}": slots[4],
        f"time off of {doctor}": time_off["id"],
    }
