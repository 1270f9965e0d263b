"""Consultations beside a clock change: one instant, with its zone, on pages, in mails and files."""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import requests
from icalendar import Calendar

from scripts.server import Cluster
from tests.support.client import PASSWORD, Client, Contract, ok
from tests.support.pages import Surfer
from tests.support.people import create_admin, log_in
from tests.support.server import serve, wait_for
from tests.support.worker import worker

BERLIN, HONOLULU = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Honolulu")
HALF_HOUR = timedelta(minutes=30)


@dataclass
class Clinic:
    """A doctor in Berlin, a patient in Honolulu, and the folder of their mails."""

    doctor: Client
    patient: Client
    mails: Path


@pytest.fixture(scope="module")
def clinic(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    database, folder = new_database(), tmp_path_factory.mktemp("zones")
    url = cluster.url(database, "telemed_api")
    mails = {"MAIL_FOLDER": str(folder / "mail"), "APP_ENV": "development"}
    with (
        serve(url, folder / "log") as server,
        worker(cluster, database, folder, "worker", **mails),
    ):
        wait_for(server.url + "/health/ready", 200)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        stranger = Client(server.url, Contract(document))
        create_admin(cluster.url(database), "chief@clinic.test")
        chief = log_in(stranger, "chief@clinic.test")
        account = {"email": "doctor@clinic.test", "password": PASSWORD, "full_name": "Dr. Berlin"}
        practice = {"time_zone": BERLIN.key, "fee_minor": 5000, "currency": "EUR"}
        body = account | practice | {"specialty": "Dermatology"}
        ok(chief.post("/v1/admin/doctors", body), 201)
        account |= {"email": "patient@clinic.test", "full_name": "Pat Honolulu"}
        ok(stranger.post("/v1/auth/signup", account), 201)
        doctor, patient = (
            log_in(stranger, f"{name}@clinic.test") for name in ("doctor", "patient")
        )
        ok(patient.patch("/v1/me", {"time_zone": HONOLULU.key}))
        yield Clinic(doctor, patient, folder / "mail")


def next_change(zone: ZoneInfo) -> datetime:
    """The next instant at which the clocks of a zone change."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    while hour.astimezone(zone).utcoffset() == (hour + HALF_HOUR * 2).astimezone(zone).utcoffset():
        hour += HALF_HOUR * 2
    return hour + HALF_HOUR * 2


def offset_of(instant: datetime, zone: ZoneInfo) -> str:
    text = instant.astimezone(zone).strftime("%z")
    return f"UTC{text[:3]}:{text[3:]}"


def clock_of(instant: datetime, zone: ZoneInfo) -> str:
    """What clocks of a zone show, as an English page writes it."""
    return instant.astimezone(zone).strftime("%-I:%M")


def require_shown(person: Surfer, address: str, instant: datetime, zone: ZoneInfo) -> None:
    """Assert that a page shows an instant as clocks in a zone show it, wherever it shows it."""
    page = person.open(address)
    assert page.status == 200, (address, page.text())
    shown = [
        " ".join(time.to_text().split())
        for time in page.query("main time")
        if len(time.attrs["datetime"]) > len("2027-01-01")
        and datetime.fromisoformat(time.attrs["datetime"]) == instant
    ]
    assert shown, (address, page.text())
    for text in shown:
        assert re.search(rf"\b{clock_of(instant, zone)}\b", text), (address, text)
        assert offset_of(instant, zone) in text, (address, text)
    assert f"clocks in {zone.key}" in page.text("body")


def require_mail(clinic: Clinic, client: Client, kind: str, instant: datetime) -> None:
    """Assert that the mail of this kind names an instant in its texts and in its calendar file."""
    found: list[Path] = []
    until = time.monotonic() + 60
    while not found:
        assert time.monotonic() < until, (kind, sorted(clinic.mails.glob("*")))
        time.sleep(0.05)
        found = list(clinic.mails.glob(f"*.{kind}.*-{client.email}.eml"))
    (path,) = found
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    text, html, calendar = (part.get_content() for part in mail.walk() if _is_text(part))
    zone = BERLIN if client is clinic.doctor else HONOLULU
    for content in (text, html):
        assert offset_of(instant, zone) in content
        assert zone.key in content
        assert re.search(rf"\b0?{clock_of(instant, zone)}\b", content), content
    require_file(calendar, instant)


def _is_text(part: EmailMessage) -> bool:
    return part.get_content_maintype() == "text"


def require_file(text: str, instant: datetime) -> None:
    (event,) = Calendar.from_ical(text).walk("VEVENT")
    assert event["DTSTART"].dt == instant
    assert event["DTEND"].dt == instant + HALF_HOUR


def test_consultation_beside_a_clock_change_is_one_instant_everywhere(clinic: Clinic) -> None:
    change = next_change(BERLIN)
    before, after = change - HALF_HOUR, change + HALF_HOUR
    slots = [clinic.doctor.publish(start) for start in (before, after)]
    at_doctor = f"/doctors/{clinic.doctor.id}"
    patient, doctor = Surfer(clinic.patient.url), Surfer(clinic.doctor.url)
    patient.log_in(clinic.patient.email, PASSWORD)
    doctor.log_in(clinic.doctor.email, PASSWORD)
    require_shown(patient, "/doctors?q=Berlin", before, HONOLULU)  # the next free time
    for slot, instant in zip(slots, (before, after), strict=True):
        require_shown(patient, at_doctor, instant, HONOLULU)
        require_shown(patient, f"{at_doctor}/slots/{slot['id']}", instant, HONOLULU)
    patient.open(f"{at_doctor}/slots/{slots[0]['id']}")
    patient.send(f"{at_doctor}/slots/{slots[0]['id']}")
    (booked,) = ok(clinic.patient.get("/v1/consultations"))["items"]
    address = f"/consultations/{booked['id']}"

    for kind, instant in (("booked", before), ("rescheduled", after)):
        if kind == "rescheduled":
            move = f"{address}/reschedule/{slots[1]['id']}"
            require_shown(patient, f"{address}/reschedule", after, HONOLULU)
            require_shown(patient, move, before, HONOLULU)
            require_shown(patient, move, after, HONOLULU)
            patient.send(move)
        for person, zone in ((patient, HONOLULU), (doctor, BERLIN)):
            require_shown(person, "/consultations", instant, zone)
            require_shown(person, address, instant, zone)
            require_shown(person, f"{address}/cancel", instant, zone)
        for client in (clinic.patient, clinic.doctor):
            require_mail(clinic, client, kind, instant)
            file = client.get(f"/v1{address}.ics")
            require_file(file.text, instant)
            require_file(patient.session.get(f"{patient.url}{address}.ics").text, instant)

    patient.open(f"{address}/cancel")
    patient.send(f"{address}/cancel")
    for client in (clinic.patient, clinic.doctor):
        require_mail(clinic, client, "cancelled", after)
