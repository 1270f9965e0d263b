"""Calendar files of consultations, and private calendars that applications subscribe to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from icalendar import Calendar, Event

from api import calendar_files
from api.calendar_files import CANCEL, PUBLISH, REQUEST, consultation_calendar
from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, at, new_key, ok, problem, race
from tests.support.people import log_in
from tests.support.server import Server

URL = re.compile(r"http://localhost:\d+(/v1/calendars/([A-Za-z0-9_-]{43})\.ics)")
# Every version of an entry has exactly these.
PROPERTIES = {
    *("UID", "SEQUENCE", "DTSTAMP", "CREATED", "LAST-MODIFIED", "DTSTART", "DTEND"),
    *("STATUS", "TRANSP", "CLASS", "SUMMARY", "LOCATION", "DESCRIPTION", "ORGANIZER"),
}
CLINIC = "clinic@clinic.test"
ROW: dict[str, Any] = {
    "consultation_id": "019a0000-0000-7000-8000-000000000401",
    "sequence": 0,
    "status": "scheduled",
    "doctor_name": "Dr. Maren Holt",
    "starts_at": "2027-01-05T09:00:00Z",
    "ends_at": "2027-01-05T09:30:00Z",
    "starts_at_local": "2027-01-05 10:00 (UTC+01:00)",
    "ends_at_local": "2027-01-05 10:30 (UTC+01:00)",
    "time_zone": "Europe/Berlin",
    "language": None,
    "created_at": "2027-01-04T08:00:00.123456Z",
    "updated_at": "2027-01-04T09:00:00.987654Z",
}


def file_of(reader: Client, consultation: dict[str, Any]) -> bytes:
    answer = reader.get(f"/v1/consultations/{consultation['id']}.ics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    return answer.content


def parsed(file: bytes) -> tuple[Calendar, list[Event]]:
    calendar = Calendar.from_ical(file)
    return calendar, list(calendar.events)


def entry_of(file: bytes) -> Event:
    (entry,) = parsed(file)[1]
    return entry


def subscribe(user: Client) -> str:
    """The path of a new private calendar of the user."""
    found = URL.fullmatch(ok(user.post("/v1/me/calendar"), 201)["url"])
    assert found
    return found[1]


def entries_at(reader: Client, path: str) -> dict[str, Event]:
    """The entries of a private calendar by their UID."""
    answer = reader.get(path)
    assert answer.status_code == 200, answer.text
    return {str(entry["UID"]): entry for entry in parsed(answer.content)[1]}


def move(patient: Client, consultation: dict[str, Any], slot: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/consultations/{consultation['id']}/reschedule"
    return ok(patient.post(path, {"slot_id": slot["id"]}, key=new_key()))


def cancel(caller: Client, consultation: dict[str, Any]) -> dict[str, Any]:
    path = f"/v1/consultations/{consultation['id']}/cancel"
    return ok(caller.post(path, {"reason": "A private reason"}))


# The file of one consultation


def test_file_has_the_consultation_in_utc(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish(at(1), 45), reason="A rash")
    calendar, (entry,) = parsed(file_of(patient, booked))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")
    assert calendar["PRODID"] == "-//Telemedicine//Consultations//EN"
    assert set(entry) == PROPERTIES
    assert (entry["UID"], entry["SEQUENCE"]) == (booked["id"], 0)
    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (at(1), at(1) + timedelta(minutes=45))
    created = datetime.fromisoformat(booked["created_at"]).replace(microsecond=0)
    assert {entry[name].dt for name in ("DTSTAMP", "CREATED", "LAST-MODIFIED")} == {created}
    assert (entry["STATUS"], entry["TRANSP"], entry["CLASS"]) == ("CONFIRMED", "OPAQUE", "PRIVATE")
    assert (entry["SUMMARY"], entry["LOCATION"]) == ("Consultation with Dora Doctor", "Online")


def test_file_begins_with_its_method_and_has_no_time_zone(doctor: Client, patient: Client) -> None:
    lines = file_of(patient, patient.book(doctor.publish())).decode().splitlines()
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines.index("METHOD:PUBLISH") < lines.index("BEGIN:VEVENT")
    assert not [line for line in lines if re.match("DURATION|BEGIN:VTIMEZONE|.*TZID", line)]
    for name in ("DTSTART", "DTEND", "DTSTAMP"):
        (line,) = (line for line in lines if line.startswith(name))
        assert re.fullmatch(name + r":\d{8}T\d{6}Z", line)


def test_file_names_neither_the_patient_nor_a_reason(
    doctor: Client, admin: Client, new_patient: Callable[..., Client]
) -> None:
    patient = new_patient("Zora Private")
    booked = patient.book(doctor.publish(), reason="A private reason")
    cancelled = cancel(patient, patient.book(doctor.publish(at(2)), reason="A private reason"))
    for consultation in (booked, cancelled):
        for reader in (patient, doctor, admin):
            text = file_of(reader, consultation).decode()
            for secret in ("rivate ", "Zora", patient.id, patient.email):
                assert secret not in text
    summaries = [str(entry_of(file_of(r, booked))["SUMMARY"]) for r in (patient, doctor, admin)]
    with_doctor = "Consultation with Dora Doctor"
    assert summaries == [with_doctor, "Consultation", with_doctor]


def test_reschedule_and_cancellation_are_newer_versions_of_one_entry(
    doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish())
    versions = [file_of(patient, booked)]
    move(patient, booked, doctor.publish(at(2, 11), 60))
    versions.append(file_of(patient, booked))
    cancel(doctor, booked)
    versions.append(file_of(patient, booked))
    entries = [entry_of(version) for version in versions]
    assert {str(entry["UID"]) for entry in entries} == {booked["id"]}
    assert [entry["SEQUENCE"] for entry in entries] == [0, 1, 2]
    assert [str(parsed(v)[0]["METHOD"]) for v in versions] == ["PUBLISH", "PUBLISH", "CANCEL"]
    assert [e["STATUS"] for e in entries] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert [set(entry) for entry in entries] == [PROPERTIES] * 3
    assert [entry["DTSTART"].dt for entry in entries] == [at(1), at(2, 11), at(2, 11)]
    assert entries[1]["DTEND"].dt == at(2, 12)
    assert entries[2]["SUMMARY"] == "Cancelled: Consultation with Dora Doctor"
    assert entries[0]["DTSTAMP"].dt <= entries[1]["DTSTAMP"].dt <= entries[2]["DTSTAMP"].dt


def test_completed_consultation_keeps_its_entry(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    before = entry_of(file_of(patient, booked))
    doctor.complete(booked)
    after = entry_of(file_of(patient, booked))
    changed = {name for name in PROPERTIES if before[name] != after[name]}
    assert changed <= {"DTSTAMP", "LAST-MODIFIED"}


def last_sunday_of_october() -> datetime:
    """00:30 UTC before clocks in Berlin are set back at 01:00 UTC, at least two days from now."""
    for year in (at(2).year, at(2).year + 1):
        day = datetime(year, 10, 31, 0, 30, tzinfo=UTC)
        found = day - timedelta(days=(day.weekday() + 1) % 7)
        if found > at(2):
            return found
    raise AssertionError


def test_consultation_over_a_clock_change_has_its_real_length(
    doctor: Client, patient: Client
) -> None:
    start = last_sunday_of_october()
    entry = entry_of(file_of(patient, patient.book(doctor.publish(start, 60))))
    assert (entry["DTSTART"].dt, entry["DTEND"].dt) == (start, start + timedelta(hours=1))
    day = start.date()
    assert entry["DESCRIPTION"] == (
        f"From {day} 02:30 (UTC+02:00) until {day} 02:30 (UTC+01:00), time zone Europe/Berlin"
    )


def test_text_is_in_the_time_zone_and_the_language_of_the_reader(
    doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(at(1, 22)))
    ok(patient.patch("/v1/me", {"time_zone": "Asia/Tokyo", "language": "fr-CA"}))
    ok(doctor.patch("/v1/me", {"time_zone": None, "language": "es"}))
    entry = entry_of(file_of(patient, booked))
    day = at(2).date()
    assert entry["SUMMARY"] == "Consultation avec Dora Doctor"
    assert entry["DESCRIPTION"] == (
        f"De {day} 07:00 (UTC+09:00) à {day} 07:30 (UTC+09:00), fuseau horaire Asia/Tokyo"
    )
    entry = entry_of(file_of(doctor, booked))
    assert (entry["SUMMARY"], entry["LOCATION"]) == ("Consulta", "En línea")
    assert "zona horaria Europe/Berlin" in entry["DESCRIPTION"]


def test_read_of_a_file_by_doctor_and_admin_is_in_the_access_log(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    for reader in (patient, doctor, admin):
        file_of(reader, booked)
    reads = ok(patient.get("/v1/me/access-log"))["items"]
    found = [r["reader_role"] for r in reads if r["operation"] == "get_consultation_calendar"]
    assert sorted(found) == ["admin", "doctor"]


def test_file_of_another_patient_is_not_found(
    doctor: Client, patient: Client, new_patient: Callable[..., Client]
) -> None:
    path = f"/v1/consultations/{patient.book(doctor.publish())['id']}.ics"
    problem(new_patient().get(path), 404, "TM403")
    problem(patient.holding("").get(path), 401, "TM101")


# Files for mails, and bytes


def test_request_has_an_organizer_and_an_attendee() -> None:
    people = {"organizer": "clinic@clinic.test", "attendee": "pat+x@clinic.test"}
    calendar, (entry,) = parsed(consultation_calendar([ROW], REQUEST, **people))
    assert calendar["METHOD"] == "REQUEST"
    assert set(entry) == PROPERTIES | {"ATTENDEE"}
    assert entry["ORGANIZER"] == "mailto:clinic@clinic.test"
    assert entry["ATTENDEE"] == "mailto:pat+x@clinic.test"
    assert dict(entry["ATTENDEE"].params) == {
        "ROLE": "REQ-PARTICIPANT",
        "PARTSTAT": "ACCEPTED",
        "RSVP": "FALSE",
    }
    cancelled = ROW | {"status": "cancelled", "sequence": 1}
    calendar, (entry,) = parsed(consultation_calendar([cancelled], CANCEL, **people))
    assert (calendar["METHOD"], entry["STATUS"], entry["SEQUENCE"]) == ("CANCEL", "CANCELLED", 1)
    assert set(entry) == PROPERTIES | {"ATTENDEE"}


def test_published_file_has_no_attendee() -> None:
    file = consultation_calendar([ROW], PUBLISH, organizer="a@b.test", attendee="c@d.test")
    assert set(entry_of(file)) == PROPERTIES


@pytest.mark.parametrize(
    ("method", "status", "people"),
    [
        ("ADD", "scheduled", {"organizer": "a@b.test"}),
        (CANCEL, "scheduled", {"organizer": "a@b.test"}),
        (CANCEL, "completed", {"organizer": "a@b.test"}),
        (REQUEST, "cancelled", {"organizer": "a@b.test", "attendee": "c@d.test"}),
        (REQUEST, "scheduled", {"organizer": "a@b.test"}),
        (REQUEST, "scheduled", {"organizer": "", "attendee": "a@b.test"}),
    ],
)
def test_method_that_does_not_fit_is_refused(
    method: str, status: str, people: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=method):
        consultation_calendar([ROW | {"status": status}], method, **people)


def test_equal_rows_make_equal_bytes_whatever_the_form_of_their_times() -> None:
    names = ("starts_at", "ends_at", "created_at", "updated_at")
    as_times = ROW | {name: datetime.fromisoformat(ROW[name]) for name in names}
    elsewhere = ROW | {"starts_at": "2027-01-05T10:00:00+01:00"}
    files = {
        consultation_calendar([row], PUBLISH, organizer=CLINIC)
        for row in (ROW, as_times, elsewhere)
    }
    calendar_files._event.cache_clear()
    files.add(consultation_calendar([ROW], PUBLISH, organizer=CLINIC))
    assert len(files) == 1


def test_remembered_entry_is_never_that_of_another_row() -> None:
    changed = {
        "consultation_id": "019a0000-0000-7000-8000-000000000402",
        "sequence": 1,
        "status": "cancelled",
        "doctor_name": None,
        "starts_at": "2027-01-05T08:00:00Z",
        "ends_at": "2027-01-05T09:31:00Z",
        "starts_at_local": "2027-01-05 10:01 (UTC+01:00)",
        "ends_at_local": "2027-01-05 10:31 (UTC+01:00)",
        "time_zone": "Europe/Paris",
        "language": "fr",
        "created_at": "2027-01-04T08:00:01Z",
        "updated_at": "2027-01-04T09:00:01Z",
    }
    assert changed.keys() == ROW.keys()
    files = {
        consultation_calendar([ROW | {n: v}], PUBLISH, organizer=CLINIC) for n, v in changed.items()
    }
    files |= {consultation_calendar([ROW], PUBLISH, organizer=o) for o in ("c@d.test", "a@b.test")}
    assert len(files) == len(changed) + 2


@pytest.mark.parametrize(
    "name",
    ["Dr. " + "Ä" * 150, "👩‍⚕️" * 40, "Dr. A, B; C\\D: {x} %s \"E\" 'F'", "x" * 200],
)
def test_lines_are_folded_at_75_octets_and_keep_their_text(name: str) -> None:
    file = consultation_calendar([ROW | {"doctor_name": name}] * 2, PUBLISH, organizer=CLINIC)
    lines = file.split(b"\r\n")
    assert lines[-1] == b""
    assert b"\n" not in b"".join(lines)
    assert max(map(len, lines)) <= 75
    for entry in parsed(file)[1]:
        assert entry["SUMMARY"] == f"Consultation with {name}"
    file.decode()


def test_hidden_line_break_cannot_add_a_property() -> None:
    name = "Dr. X\r\nATTENDEE:mailto:a@b.test\nDESCRIPTION:y"
    file = consultation_calendar([ROW | {"doctor_name": name}], PUBLISH, organizer=CLINIC)
    assert set(entry_of(file)) == PROPERTIES


# Private calendars


def test_calendar_has_the_consultations_of_patient_and_doctor(
    doctor: Client, patient: Client, new_patient: Callable[..., Client]
) -> None:
    of_patient, of_doctor = subscribe(patient), subscribe(doctor)
    reader = patient.holding("")  # calendar applications have no access token
    assert entries_at(reader, of_patient) == entries_at(reader, of_doctor) == {}
    kept, moved, dropped = (patient.book(doctor.publish(at(n))) for n in (1, 2, 3))
    other = new_patient("Zora Private").book(doctor.publish(at(4)))
    move(patient, moved, doctor.publish(at(5)))
    cancel(patient, dropped)
    seen = entries_at(reader, of_patient)
    assert seen.keys() == {c["id"] for c in (kept, moved, dropped)}
    assert seen[moved["id"]]["DTSTART"].dt == at(5)
    assert [seen[c["id"]]["STATUS"] for c in (kept, dropped)] == ["CONFIRMED", "CANCELLED"]
    assert [seen[c["id"]]["SEQUENCE"] for c in (kept, moved, dropped)] == [0, 1, 1]
    assert all(set(entry) == PROPERTIES for entry in seen.values())
    seen = entries_at(reader, of_doctor)
    assert seen.keys() == {c["id"] for c in (kept, moved, dropped, other)}
    assert {str(entry["SUMMARY"]) for entry in seen.values()} == {
        "Consultation",
        "Cancelled: Consultation",
    }
    assert "Zora" not in reader.get(of_doctor).text


def test_calendar_says_how_often_to_read_it(patient: Client) -> None:
    path = subscribe(patient)
    calendar, _ = parsed(patient.holding("").get(path).content)
    assert calendar["METHOD"] == "PUBLISH"
    lines = patient.holding("").get(path).text.splitlines()
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT1H" in lines
    assert "X-PUBLISHED-TTL:PT1H" in lines
    assert not [line for line in lines if line.startswith("UID")]


def test_unchanged_calendar_has_the_same_bytes_and_is_not_sent_again(
    doctor: Client, patient: Client
) -> None:
    for n in range(1, 6):
        patient.book(doctor.publish(at(n)))
    path, reader = subscribe(patient), patient.holding("")
    first, second = reader.get(path), reader.get(path)
    assert first.content == second.content
    assert first.headers["ETag"] == second.headers["ETag"]
    for method in ("GET", "HEAD"):
        headers = {"If-None-Match": first.headers["ETag"]}
        answer = requests.request(method, reader.url + path, headers=headers, timeout=60)
        assert (answer.status_code, answer.content) == (304, b"")
    answer = requests.head(reader.url + path, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["ETag"] == first.headers["ETag"]
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    patient.book(doctor.publish(at(7)))
    headers = {"If-None-Match": first.headers["ETag"]}
    changed = requests.get(reader.url + path, headers=headers, timeout=60)
    assert changed.status_code == 200
    assert len(parsed(changed.content)[1]) == 6


def test_new_calendar_replaces_the_old_one(patient: Client) -> None:
    first, second = subscribe(patient), subscribe(patient)
    assert first != second
    reader = patient.holding("")
    problem(reader.get(first), 404, "TM450")
    assert reader.get(second).status_code == 200
    assert patient.delete("/v1/me/calendar").status_code == 204
    problem(reader.get(second), 404, "TM450")
    assert patient.delete("/v1/me/calendar").status_code == 204


def test_concurrent_requests_leave_one_calendar(patient: Client) -> None:
    paths = race([lambda: subscribe(patient)] * 8)
    found = [patient.holding("").get(path).status_code for path in paths]
    assert sorted(found) == [200] + [404] * 7


def test_every_wrong_address_gets_the_same_answer(
    stranger: Client, new_patient: Callable[..., Client], admin: Client
) -> None:
    revoked, closed = new_patient(), new_patient()
    paths = [subscribe(revoked), subscribe(closed), f"/v1/calendars/{'A' * 43}.ics"]
    assert revoked.delete("/v1/me/calendar").status_code == 204
    ok(admin.post(f"/v1/admin/users/{closed.id}/deactivate", {}))
    answers = [problem(stranger.get(path), 404, "TM450") for path in paths]
    assert len({tuple(sorted((a | {"request_id": ""}).items())) for a in answers}) == 1
    ok(admin.post(f"/v1/admin/users/{closed.id}/activate", {}))
    problem(stranger.get(paths[1]), 404, "TM450")


def test_new_password_ends_the_calendar(patient: Client, stranger: Client) -> None:
    path = subscribe(patient)
    body = {"current_password": PASSWORD, "new_password": "mauve trumpet 41 lagoon"}
    ok(patient.post("/v1/me/password", body))
    problem(stranger.get(path), 404, "TM450")
    again = log_in(stranger, patient.email, "mauve trumpet 41 lagoon")
    assert stranger.get(subscribe(again)).status_code == 200


@pytest.mark.parametrize(
    "token", ["", "A", "%00" * 43, "A" * 42 + "%2F", "A" * 65, "../me", "ä" * 43, "A" * 42 + " "]
)
def test_address_that_cannot_be_a_token_is_not_found(stranger: Client, token: str) -> None:
    problem(stranger.get(f"/v1/calendars/{token}.ics"), 404, "HTTP404")


def test_unknown_query_of_a_calendar_is_refused(patient: Client) -> None:
    problem(patient.get(subscribe(patient) + "?x=1"), 422)


def test_token_is_in_no_log_and_no_metric(
    doctor: Client, patient: Client, server: Server, cluster: Cluster, database: str
) -> None:
    patient.book(doctor.publish())
    path = subscribe(patient)
    token = path.removeprefix("/v1/calendars/").removesuffix(".ics")
    request_id = f"calendar-{new_key()}"
    reader = patient.holding("")
    for target in (path, path + "?x=1", path.replace(".ics", ".icsx"), f"/v1/calendars/{token}"):
        reader.send("GET", target, headers={"X-Request-Id": request_id})
    patient.delete("/v1/me/calendar")
    problem(reader.get(path), 404)
    assert '"route": "/v1/calendars/<token:token>.ics"' in server.output
    assert token not in server.output
    metrics = requests.get(server.url + "/metrics", timeout=60).text
    assert 'route="/v1/calendars/<token:token>.ics"' in metrics
    assert token not in metrics
    logs = "select string_agg(l::text, '') from app.audit_logs as l"
    assert token not in cluster.sql(logs, database)
    assert token not in cluster.sql(logs.replace("audit_logs", "access_logs"), database)
    assert token not in cluster.sql(logs.replace("audit_logs", "calendar_feeds"), database)
