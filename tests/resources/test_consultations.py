"""Booking, rescheduling, cancelling and completing consultations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, Contract, at, new_key, ok, places, problem
from tests.support.people import create_admin, log_in
from tests.support.server import serve, wait_for

People = Callable[..., Client]


def path(consultation: dict[str, Any], step: str = "") -> str:
    return f"/v1/consultations/{consultation['id']}{step}"


@pytest.fixture
def begin(cluster: Cluster, database: str) -> Callable[[dict[str, Any]], None]:
    """Moves a slot and its consultation so that they have begun, which no function can do."""

    def move(slot: dict[str, Any]) -> None:
        cluster.sql(
            f"""
            set session_replication_role = replica;
            update app.availability_slots
               set starts_at = now() - interval '1 minute', ends_at = now() + interval '1 minute'
             where id = '{slot["id"]}';
            update app.consultations as c
               set starts_at = s.starts_at, ends_at = s.ends_at
              from app.availability_slots as s
             where s.id = c.slot_id and s.id = '{slot["id"]}';
            update app.events as e
               set data = e.data || jsonb_build_object(
                   'starts_at', s.starts_at, 'ends_at', s.ends_at)
              from app.availability_slots as s
             where s.id = e.slot_id and s.id = '{slot["id"]}'
               and e.data ? 'starts_at';
            reset session_replication_role;
            insert into app.audit_logs
                (table_name, row_id, operation, old, new, user_id, request_id)
            select t.name, t.row ->> 'id', 'UPDATE',
                   (select l.new from app.audit_logs as l
                     where l.table_name = t.name and l.row_id = t.row ->> 'id'
                     order by l.id desc limit 1),
                   t.row, (t.row ->> 'doctor_id')::uuid, 'test'
              from (select 'availability_slots', to_jsonb(s)
                      from app.availability_slots as s
                     where s.id = '{slot["id"]}'
                    union all
                    select 'consultations', to_jsonb(c)
                      from app.consultations as c
                     where c.slot_id = '{slot["id"]}') as t (name, row);
            """,
            database,
        )

    return move


def test_booking_an_open_slot_schedules_a_consultation(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    booked = patient.book(slot, reason="Itching")
    assert booked["status"] == "scheduled"
    assert booked["slot_id"] == slot["id"]
    assert booked["starts_at"] == slot["starts_at"]
    assert (booked["doctor_id"], booked["patient_id"]) == (doctor.id, patient.id)
    assert (booked["reason"], booked["notes"]) == ("Itching", None)
    assert (booked["fee_minor"], booked["currency"]) == (5000, "EUR")
    assert ok(patient.get(path(booked))) == booked
    assert ok(doctor.get(path(booked))) == booked


def test_booking_a_taken_slot_is_refused(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    slot = doctor.publish()
    patient.book(slot)
    body = {"slot_id": slot["id"]}
    problem(new_patient().post("/v1/consultations", body, key=new_key()), 409, "TM901")


def test_booking_ones_own_slot_again_names_the_reason(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    body, key = {"slot_id": doctor.publish()["id"]}, new_key()
    booked = ok(patient.post("/v1/consultations", body, key=key), 201)
    body_of_refusal = problem(patient.post("/v1/consultations", body, key=new_key()), 409, "TM918")
    assert booked["id"] not in str(body_of_refusal)
    assert ok(patient.post("/v1/consultations", body, key=key), 201) == booked
    problem(new_patient().post("/v1/consultations", body, key=new_key()), 409, "TM901")
    doctor.complete(booked)
    problem(patient.post("/v1/consultations", body, key=new_key()), 409, "TM918")


def test_refused_booking_lists_all_reasons_and_free_slots(
    doctor: Client, new_doctor: People, patient: Client, new_patient: People
) -> None:
    wanted, free = doctor.publish(at(1, 9)), doctor.publish(at(1, 10))
    new_patient().book(wanted)
    patient.book(new_doctor().publish(at(1, 9, 15)))
    body, key = {"slot_id": wanted["id"]}, new_key()
    refusal = problem(patient.post("/v1/consultations", body, key=key), 409, "TM901")
    assert [reason["code"] for reason in refusal["reasons"]] == ["TM901", "TM904"]
    assert refusal["reasons"][0]["detail"] == refusal["detail"]
    (alternative,) = refusal["alternatives"]
    assert alternative == {name: free[name] for name in ("id", "starts_at", "ends_at")}
    patient.book(alternative)
    again = problem(patient.post("/v1/consultations", body, key=key), 409, "TM901")
    assert again == {**refusal, "request_id": again["request_id"]}


def test_refused_reschedule_lists_all_reasons(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    booked, taken = patient.book(doctor.publish(at(1, 9))), doctor.publish(at(1, 10))
    new_patient().book(taken)
    ok(patient.post(path(booked, "/cancel")))
    answer = patient.post(path(booked, "/reschedule"), {"slot_id": taken["id"]}, key=new_key())
    refusal = problem(answer, 409, "TM905")
    assert [reason["code"] for reason in refusal["reasons"]] == ["TM905", "TM901"]
    assert refusal["alternatives"] == []


def test_booking_a_slot_after_a_cancellation_succeeds(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    slot = doctor.publish()
    for _ in range(2):
        ok(patient.post(path(patient.book(slot), "/cancel")))
    new_patient().book(slot)
    body = {"slot_id": slot["id"]}
    problem(patient.post("/v1/consultations", body, key=new_key()), 409, "TM901")


def test_booking_an_overlapping_consultation_is_refused(
    doctor: Client, patient: Client, new_doctor: People
) -> None:
    patient.book(doctor.publish(at(1, 9)))
    overlapping = new_doctor().publish(at(1, 9, 15))
    body = {"slot_id": overlapping["id"]}
    problem(patient.post("/v1/consultations", body, key=new_key()), 409, "TM904")


def test_booking_an_unavailable_slot_is_refused(
    doctor: Client, patient: Client, begin: Callable[[dict[str, Any]], None]
) -> None:
    begun = doctor.publish(at(1, 9))
    withdrawn = doctor.publish(at(1, 10))
    begin(begun)
    doctor.delete(f"/v1/slots/{withdrawn['id']}")
    for slot, code in ((begun, "TM903"), (withdrawn, "TM901")):
        body = {"slot_id": slot["id"]}
        problem(patient.post("/v1/consultations", body, key=new_key()), 409, code)
    unknown = {"slot_id": "00000000-0000-4000-8000-000000000000"}
    problem(patient.post("/v1/consultations", unknown, key=new_key()), 404, "TM402")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "#/slot_id"),
        ({"slot_id": None}, "#/slot_id"),
        ({"slot_id": 7}, "#/slot_id"),
        ({"slot_id": "{00000000-0000-4000-8000-000000000000}"}, "#/slot_id"),
        ({"slot_id": "00000000000040008000000000000000"}, "#/slot_id"),
    ],
)
def test_booking_without_a_slot_id_is_refused(
    patient: Client, body: dict[str, object], place: str
) -> None:
    assert places(patient.post("/v1/consultations", body, key=new_key())) == [place]


@pytest.mark.parametrize("field", ["patient_id", "status", "fee_minor", "starts_at"])
def test_booking_with_unknown_fields_is_refused(
    doctor: Client, patient: Client, field: str
) -> None:
    body = {"slot_id": doctor.publish()["id"], field: "x"}
    assert places(patient.post("/v1/consultations", body, key=new_key())) == [f"#/{field}"]


@pytest.mark.parametrize("reason", ["", "x" * 4001, 7])
def test_booking_reason_has_1_to_4000_characters(patient: Client, reason: object) -> None:
    body = {"slot_id": "00000000-0000-4000-8000-000000000000", "reason": reason}
    assert places(patient.post("/v1/consultations", body, key=new_key())) == ["#/reason"]


def test_consultation_is_visible_to_its_participants_only(
    doctor: Client, patient: Client, admin: Client, new_patient: People, new_doctor: People
) -> None:
    booked = patient.book(doctor.publish())
    for participant in (patient, doctor, admin):
        assert ok(participant.get(path(booked))) == booked
        ok(participant.get(path(booked, "/history")))
        ok(participant.get(path(booked, "/prescriptions")))
    other_patient, other_doctor = new_patient(), new_doctor()
    for other in (other_patient, other_doctor):
        for step in ("", "/history", "/prescriptions"):
            problem(other.get(path(booked, step)), 404, "TM403")
        problem(other.post(path(booked, "/cancel")), 404, "TM403")
    problem(other_patient.get(path(booked, "/payments")), 404, "TM403")
    problem(other_doctor.post(path(booked, "/complete")), 404, "TM403")
    drugs = {"items": [{"drug": "Aspirin", "dosage": "100 mg"}]}
    problem(other_doctor.post(path(booked, "/prescriptions"), drugs), 404, "TM403")
    payment = {"amount_minor": 1, "currency": "EUR", "method": "card"}
    answer = other_patient.post(path(booked, "/payments"), payment, key=new_key())
    problem(answer, 403, "TM301")
    slot = {"slot_id": doctor.publish(at(2))["id"]}
    answer = other_patient.post(path(booked, "/reschedule"), slot, key=new_key())
    problem(answer, 404, "TM403")
    assert ok(patient.get(path(booked))) == booked


def test_completed_consultation_is_final(doctor: Client, patient: Client, admin: Client) -> None:
    booked = patient.book(doctor.publish())
    done = ok(doctor.post(path(booked, "/complete"), {"notes": "All well.\nSee you."}))
    assert (done["status"], done["notes"]) == ("completed", "All well.\nSee you.")
    assert done["updated_at"] > booked["updated_at"]
    problem(doctor.post(path(booked, "/complete")), 409, "TM905")
    for caller in (patient, doctor, admin):
        problem(caller.post(path(booked, "/cancel")), 409, "TM905")
    body = {"slot_id": doctor.publish(at(2))["id"]}
    problem(patient.post(path(booked, "/reschedule"), body, key=new_key()), 409, "TM905")
    assert ok(patient.get(path(booked))) == done


@pytest.mark.parametrize("role", ["patient", "doctor", "admin"])
def test_cancellation_reopens_the_slot(
    doctor: Client, patient: Client, admin: Client, new_patient: People, role: str
) -> None:
    slot = doctor.publish()
    booked = patient.book(slot)
    caller = {"patient": patient, "doctor": doctor, "admin": admin}[role]
    cancelled = ok(caller.post(path(booked, "/cancel"), {"reason": "Ill"}))
    assert (cancelled["status"], cancelled["cancellation_reason"]) == ("cancelled", "Ill")
    again = new_patient().book(slot)
    assert again["id"] != booked["id"]
    problem(caller.post(path(booked, "/cancel")), 409, "TM905")
    problem(doctor.post(path(booked, "/complete")), 409, "TM905")


def test_cancellation_by_a_patient_after_the_start_is_refused(
    doctor: Client,
    patient: Client,
    begin: Callable[[dict[str, Any]], None],
) -> None:
    slot = doctor.publish()
    booked = patient.book(slot)
    begin(slot)
    problem(patient.post(path(booked, "/cancel")), 409, "TM906")
    body = {"slot_id": doctor.publish(at(2))["id"]}
    problem(patient.post(path(booked, "/reschedule"), body, key=new_key()), 409, "TM906")
    assert ok(doctor.post(path(booked, "/cancel")))["status"] == "cancelled"


def test_rescheduling_keeps_the_id_and_reopens_the_old_slot(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    old, new = doctor.publish(at(1)), doctor.publish(at(2))
    booked = patient.book(old, reason="Itching")
    answer = patient.post(path(booked, "/reschedule"), {"slot_id": new["id"]}, key=new_key())
    moved = ok(answer)
    assert moved["id"] == booked["id"]
    assert (moved["slot_id"], moved["starts_at"]) == (new["id"], new["starts_at"])
    assert (moved["reason"], moved["fee_minor"]) == ("Itching", 5000)
    new_patient().book(old)


def test_rescheduling_to_an_unavailable_slot_changes_nothing(
    doctor: Client, patient: Client, new_patient: People, new_doctor: People
) -> None:
    booked = patient.book(doctor.publish(at(1)))
    taken = doctor.publish(at(2))
    new_patient().book(taken)
    elsewhere = new_doctor().publish(at(3))
    step = path(booked, "/reschedule")
    problem(patient.post(step, {"slot_id": taken["id"]}, key=new_key()), 409, "TM901")
    own = patient.book(doctor.publish(at(4)))
    for slot_id, code in ((booked["slot_id"], "TM917"), (own["slot_id"], "TM918")):
        key = new_key()
        first, again = (patient.post(step, {"slot_id": slot_id}, key=key) for _ in range(2))
        problem(first, 409, code)
        problem(again, 409, code)
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
    answer = patient.post(step, {"slot_id": elsewhere["id"]}, key=new_key())
    problem(answer, 422, "TM207")
    assert places(answer) == ["#/slot_id"]
    assert ok(patient.get(path(booked))) == booked


def test_history_names_each_event_and_its_actor(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish(at(1)))
    body = {"slot_id": doctor.publish(at(2))["id"]}
    ok(patient.post(path(booked, "/reschedule"), body, key=new_key()))
    ok(admin.post(path(booked, "/cancel")))
    first, rest = patient.pages(path(booked, "/history"), limit=2)
    events = first + rest
    assert [event["event"] for event in events] == ["booked", "rescheduled", "cancelled"]
    assert [event["role"] for event in events] == ["patient", "patient", "admin"]
    assert [event["user_id"] for event in events] == [patient.id, patient.id, admin.id]
    assert [event["status"] for event in events] == ["scheduled", "scheduled", "cancelled"]
    assert places(patient.get(path(booked, "/history"), cursor="x")) == ["cursor"]
    assert places(patient.get(path(booked, "/history"), cursor="0")) == ["cursor"]
    assert places(patient.get(path(booked, "/history"), cursor="9" * 19)) == ["cursor"]


def test_list_shows_each_caller_their_own_consultations(
    doctor: Client, patient: Client, admin: Client, new_patient: People
) -> None:
    booked = [patient.book(doctor.publish(at(day))) for day in (3, 1, 2)]
    others = new_patient().book(doctor.publish(at(4)))
    mine = ok(patient.get("/v1/consultations"))["items"]
    assert [row["id"] for row in mine] == [booked[0]["id"], booked[2]["id"], booked[1]["id"]]
    theirs = ok(doctor.get("/v1/consultations"))["items"]
    assert [row["id"] for row in theirs] == [others["id"], *(row["id"] for row in mine)]
    # An admin sees the consultations of all patients, those of other tests too.
    seen = {row["id"] for page in admin.pages("/v1/consultations", limit=200) for row in page}
    assert {row["id"] for row in theirs} <= seen


def test_next_appointment_is_the_first_of_the_earliest_first(
    doctor: Client, patient: Client
) -> None:
    booked = [patient.book(doctor.publish(at(day))) for day in (3, 1, 2)]
    ok(patient.post(path(booked[1], "/cancel")))
    query = {"status": "scheduled", "from_": at(0).isoformat(), "order": "starts_at"}
    (following,) = ok(patient.get("/v1/consultations", limit=1, **query))["items"]
    assert following["id"] == booked[2]["id"]
    pages = list(patient.pages("/v1/consultations", limit=1, order="starts_at"))
    assert [row["id"] for page in pages for row in page] == [booked[n]["id"] for n in (1, 2, 0)]
    assert ok(patient.get("/v1/consultations", order="-starts_at")) == ok(
        patient.get("/v1/consultations")
    )


def test_cursor_of_the_other_order_is_refused(doctor: Client, patient: Client) -> None:
    for day in (1, 2):
        patient.book(doctor.publish(at(day)))
    cursor = ok(patient.get("/v1/consultations", limit=1, order="starts_at"))["next_cursor"]
    assert places(patient.get("/v1/consultations", cursor=cursor)) == ["cursor"]


def test_list_is_filtered_and_paged(doctor: Client, patient: Client) -> None:
    booked = [patient.book(doctor.publish(at(day))) for day in (1, 2, 3, 4)]
    doctor.complete(booked[3])
    scheduled = ok(patient.get("/v1/consultations", status="scheduled"))["items"]
    assert [row["id"] for row in scheduled] == [row["id"] for row in booked[2::-1]]
    window = {"from_": at(2).isoformat(), "to": at(4).isoformat()}
    within = ok(patient.get("/v1/consultations", **window))["items"]
    assert [row["id"] for row in within] == [booked[2]["id"], booked[1]["id"]]

    first, rest = patient.pages("/v1/consultations", limit=3)
    assert [row["id"] for row in first + rest] == [row["id"] for row in booked[::-1]]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"status": "done"}, "status"),
        ({"status": "Scheduled"}, "status"),
        ({"order": "ends_at"}, "order"),
        ({"order": "starts_at desc"}, "order"),
        ({"from_": "2027-01-01"}, "from"),
        ({"from_": "2027-01-02T00:00:00Z", "to": "2027-01-01T00:00:00Z"}, "to"),
        ({"patient_id": "x"}, "patient_id"),
        ({"cursor": "00000000-0000-4000-8000-000000000000"}, "cursor"),
    ],
)
def test_list_with_an_invalid_query_is_refused(
    patient: Client, query: dict[str, object], place: str
) -> None:
    assert places(patient.get("/v1/consultations", **query)) == [place]


def test_fee_change_leaves_existing_bookings_unchanged(
    cluster: Cluster, database: str, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish())
    cluster.sql(f"update app.doctors set fee_minor = 9900 where user_id = '{doctor.id}'", database)
    assert ok(patient.get(path(booked)))["fee_minor"] == 5000
    assert patient.book(doctor.publish(at(2)))["fee_minor"] == 9900


def test_completion_earlier_than_fifteen_minutes_before_the_start_is_refused(
    cluster: Cluster, new_database: Callable[[], str], tmp_path: Path
) -> None:
    """With the default completion lead, which other tests switch off."""
    name = new_database()
    cluster.sql("update app.clinic_settings set completion_lead = default", name)
    create_admin(cluster.url(name), "chief@clinic.test")
    with serve(cluster.url(name, "telemed_api"), tmp_path / "log") as server:
        wait_for(server.url + "/health/ready", 200)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        stranger = Client(server.url, Contract(document))
        admin = log_in(stranger, "chief@clinic.test")
        person = {"password": PASSWORD, "full_name": "A Name"}
        practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin"}
        money = {"fee_minor": 5000, "currency": "EUR"}
        doctor_body = {**person, **practice, **money, "email": "doctor@clinic.test"}
        ok(admin.post("/v1/admin/doctors", doctor_body), 201)
        ok(stranger.post("/v1/auth/signup", person | {"email": "patient@clinic.test"}), 201)
        doctor = log_in(stranger, "doctor@clinic.test")
        patient = log_in(stranger, "patient@clinic.test")
        now = datetime.now(UTC).replace(microsecond=0)
        early = patient.book(doctor.publish(now + timedelta(hours=2)))
        problem(doctor.post(path(early, "/complete")), 409, "TM924")
        # The slot begins 14 minutes after `now`, so this must run within that time.
        soon = patient.book(doctor.publish(now + timedelta(minutes=14)))
        assert doctor.complete(soon)["status"] == "completed"
