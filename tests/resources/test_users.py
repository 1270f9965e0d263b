"""Deactivating and activating accounts, and changing roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, ok, places, problem, race
from tests.support.people import create_admin, log_in

People = Callable[..., Client]


def close(admin: Client, user: Client) -> dict[str, object]:
    return ok(admin.post(f"/v1/admin/users/{user.id}/deactivate"))


def test_deactivated_account_is_refused_at_the_next_request(
    stranger: Client, admin: Client, patient: Client
) -> None:
    ok(patient.get("/v1/me"))
    account = close(admin, patient)
    assert (account["id"], account["email"]) == (patient.id, patient.email)
    assert account["deactivated_at"] is not None
    problem(patient.get("/v1/me"), 401, "TM102")
    body = {"email": patient.email, "password": PASSWORD}
    problem(stranger.post("/v1/auth/login", body), 401, "TM103")
    refresh = {"refresh_token": patient.tokens["refresh_token"]}
    problem(stranger.post("/v1/auth/refresh", refresh), 401, "TM104")
    assert close(admin, patient) == account


def test_activated_account_has_no_earlier_session(
    stranger: Client, admin: Client, patient: Client
) -> None:
    close(admin, patient)
    for _ in range(2):
        account = ok(admin.post(f"/v1/admin/users/{patient.id}/activate"))
        assert (account["id"], account["deactivated_at"]) == (patient.id, None)
    problem(patient.get("/v1/me"), 401, "TM102")
    ok(log_in(stranger, patient.email).get("/v1/me"))


def test_deactivated_doctor_has_no_open_slots(
    admin: Client, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(at(2)))
    doctor.publish(at(3))
    close(admin, doctor)
    assert ok(patient.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == []
    assert ok(patient.get(f"/v1/doctors/{doctor.id}"))["is_active"] is False
    assert ok(patient.get(f"/v1/consultations/{booked['id']}"))["status"] == "scheduled"


def test_deactivating_ones_own_account_is_refused(admin: Client) -> None:
    problem(admin.post(f"/v1/admin/users/{admin.id}/deactivate"), 409, "TM920")
    ok(admin.get("/v1/me"))


def test_two_admins_deactivating_each_other_leave_one_active(
    cluster: Cluster, database: str, stranger: Client
) -> None:
    emails = ["first.admin@clinic.test", "second.admin@clinic.test"]
    for email in emails:
        create_admin(cluster.url(database), email)
    first, second = (log_in(stranger, email) for email in emails)
    answers = race(
        [
            lambda: first.post(f"/v1/admin/users/{second.id}/deactivate"),
            lambda: second.post(f"/v1/admin/users/{first.id}/deactivate"),
        ]
    )
    (refused,) = (answer for answer in answers if answer.status_code != 200)
    problem(refused, 401, "TM102")
    (left,) = (a for a, answer in zip((first, second), answers, strict=True) if answer.ok)
    ok(left.get("/v1/me"))


def test_audit_log_names_who_deactivated_an_account(
    admin: Client, new_patient: Callable[[], Client]
) -> None:
    patient = new_patient()
    headers = {"X-Request-Id": f"close-{patient.id}"}
    admin.send("POST", f"/v1/admin/users/{patient.id}/deactivate", headers=headers)
    audit_log = ok(admin.get("/v1/admin/audit-logs", request_id=headers["X-Request-Id"]))["items"]
    assert {(row["table_name"], row["user_id"]) for row in audit_log} == {
        ("users", admin.id),
        ("sessions", admin.id),
        ("email_verifications", admin.id),
    }


def test_changed_role_applies_from_the_next_request_on(
    cluster: Cluster, database: str, stranger: Client, patient: Client
) -> None:
    cluster.sql(f"select ops.change_role('{patient.email}', 'admin')", database)
    problem(patient.get("/v1/me"), 401, "TM102")
    promoted = log_in(stranger, patient.email)
    ok(promoted.get("/v1/admin/analytics"))
    cluster.sql(f"select ops.change_role('{patient.id}', 'patient')", database)
    problem(promoted.get("/v1/admin/analytics"), 401, "TM102")
    problem(log_in(stranger, patient.email).get("/v1/admin/analytics"), 403, "TM301")


def test_deactivated_doctor_stays_visible_to_patients_and_the_answer_names_consultations(
    admin: Client, new_doctor: People, new_patient: People
) -> None:
    doctor, patient, stranger = new_doctor(), new_patient(), new_patient()
    booked = [patient.book(doctor.publish(at(day)))["id"] for day in (2, 1)]
    path = f"/v1/admin/users/{doctor.id}/deactivate"
    closed = ok(admin.post(path))
    assert closed["booked_consultation_ids"] == booked[::-1]
    assert closed["cancelled_consultation_ids"] == []
    # An admin finds the consultations, and the patient still reads the doctor.
    listed = ok(admin.get("/v1/consultations", doctor_id=doctor.id))["items"]
    assert [row["id"] for row in listed] == booked
    known = ok(patient.get(f"/v1/doctors/{doctor.id}"))
    assert (known["full_name"], known["is_active"]) == ("Dora Doctor", False)
    problem(stranger.get(f"/v1/doctors/{doctor.id}"), 404, "TM401")

    closed = ok(admin.post(path, {"cancel_consultations": True, "reason": "Retired"}))
    assert closed["cancelled_consultation_ids"] == booked[::-1]
    assert closed["booked_consultation_ids"] == []
    seen = ok(patient.get(f"/v1/consultations/{booked[0]}"))
    assert (seen["status"], seen["cancellation_reason"]) == ("cancelled", "Retired")


def test_deactivating_a_patient_cancels_consultations_on_request(
    admin: Client, new_doctor: People, new_patient: People
) -> None:
    doctor, patient, other = new_doctor(), new_patient(), new_patient()
    slot = doctor.publish()
    booked = patient.book(slot)["id"]
    body = {"cancel_consultations": True}
    closed = ok(admin.post(f"/v1/admin/users/{patient.id}/deactivate", body))
    assert closed["cancelled_consultation_ids"] == [booked]
    assert other.book(slot)["slot_id"] == slot["id"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"cancel_consultations": "yes"}, "#/cancel_consultations"),
        ({"cancel_consultations": 1}, "#/cancel_consultations"),
        ({"reason": ""}, "#/reason"),
        ({"cancel": True}, "#/cancel"),
    ],
)
def test_deactivation_with_an_invalid_field_is_refused(
    admin: Client, patient: Client, body: dict[str, object], place: str
) -> None:
    answer = admin.post(f"/v1/admin/users/{patient.id}/deactivate", body)
    assert places(answer) == [place]
    ok(patient.get("/v1/me"))


def test_accounts_are_found_by_address_role_and_state(
    admin: Client, patient: Client, doctor: Client
) -> None:
    (found,) = ok(admin.get("/v1/admin/users", email=patient.email.upper()))["items"]
    assert (found["id"], found["role"], found["deactivated_at"]) == (patient.id, "patient", None)
    assert ok(admin.get(f"/v1/admin/users/{patient.id}")) == found
    doctors = ok(admin.get("/v1/admin/users", role="doctor", limit=1))["items"]
    assert [row["id"] for row in doctors] == [doctor.id]
    assert ok(admin.get("/v1/admin/users", email=patient.email, role="doctor"))["items"] == []
    closed = close(admin, doctor)
    gone = ok(admin.get("/v1/admin/users", role="doctor", state="deactivated", limit=1))["items"]
    assert [(row["id"], row["deactivated_at"]) for row in gone] == [
        (doctor.id, closed["deactivated_at"])
    ]
    assert ok(admin.get("/v1/admin/users", email=doctor.email, state="active"))["items"] == []


def test_read_of_an_account_is_in_its_access_log(admin: Client, patient: Client) -> None:
    ok(admin.get("/v1/admin/users", email=patient.email))
    ok(admin.get(f"/v1/admin/users/{patient.id}"))
    reads = ok(patient.get("/v1/me/access-log"))["items"]
    assert [(row["operation"], row["reader_role"]) for row in reads] == [
        ("get_user", "admin"),
        ("list_users", "admin"),
    ]


def test_account_that_does_not_exist_is_not_found(admin: Client) -> None:
    unknown = "00000000-0000-7000-8000-000000000000"
    problem(admin.get(f"/v1/admin/users/{unknown}"), 404, "TM406")
    assert places(admin.get("/v1/admin/users", role="nurse")) == ["role"]
