"""Reminders and calendar files of consultations beside the hours at which clocks change.

A reminder is due 24 hours, or one hour, of real time before the start, and not the same time of the
day before; it names the time, the zone and the offset of the recipient at the start. The calendar
file of a booking, a reschedule and a cancellation has the instants of start and end in UTC.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import TypeAlias
from unittest.mock import patch
from zoneinfo import ZoneInfo

from icalendar import Calendar
from psycopg import sql

from api import config
from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from tests.support.client import new_key
from tests.support.clinic import Clinic, open_clinic
from tests.support.smtp import Mailbox, smtp_server
from worker import db
from worker.channels import Channels
from worker.tasks import messages

# Of the patients. The doctor's practice is in Honolulu, where clocks never change.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")  # the last by half an hour
PRACTICE = "Pacific/Honolulu"
KINDS = {"reminder_24h": timedelta(hours=24), "reminder_1h": timedelta(hours=1)}
LENGTH = timedelta(minutes=20)
Send: TypeAlias = Callable[..., None]
CLOCK = """
create or replace function app.clock() returns timestamptz language sql stable
set search_path = pg_catalog, pg_temp as $$ select timestamptz {} $$
"""
REMINDERS = """
select m.id::text, m.kind, m.send_at, c.starts_at
  from app.messages as m join app.consultations as c on c.id = m.consultation_id
 where c.id = %s and m.kind like 'reminder%%' order by m.send_at
"""


@dataclass
class Result:
    reminders: int
    calendars: int
    faults: list[str]


def changes_of(zone: ZoneInfo) -> Iterator[datetime]:
    """The next two instants, two days ahead or more, at which the clocks of a zone change."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
    found = 0
    while found < 2:
        after = hour + timedelta(hours=1)
        if hour.astimezone(zone).utcoffset() != after.astimezone(zone).utcoffset():
            yield after
            found += 1
        hour = after


def run(cluster: Cluster, database: str) -> Result:
    """Run the drill in a new database."""
    cluster.create_database(database, TEMPLATE)
    cluster.sql("update app.clinic_settings set completion_lead = '1000 years'", database)
    mailbox = Mailbox()
    try:
        with open_clinic(cluster, database) as clinic, smtp_server(mailbox) as port:
            clinic.rows(f"update app.doctors set time_zone = '{PRACTICE}'")
            url = f"smtp+plaintext://127.0.0.1:{port}"
            settings = config.load({"SMTP_URL": url}, to_serve=False)
            with (
                closing(Channels(settings)) as channels,
                patch.multiple(messages, settings=lambda: settings, channels=lambda: channels),
                _sender(clinic) as send,
            ):
                return _check(clinic, mailbox, send)
    finally:
        cluster.drop_database(database)


@contextmanager
def _sender(clinic: Clinic) -> Iterator[Send]:
    """Sends messages with the connections of a worker."""

    async def send(ids: tuple[str, ...]) -> None:
        for id_ in ids:
            await messages.send_message(id_)

    pool = db.new_pool(clinic.cluster.url(clinic.database, "telemed_worker"), 1)
    with asyncio.Runner() as runner:
        runner.run(pool.open())
        yield lambda *ids: runner.run(send(ids))
        runner.run(pool.close())


def _check(clinic: Clinic, mailbox: Mailbox, send: Send) -> Result:
    result = Result(0, 0, [])
    # Before a change, at it, and a day later: 24 hours before that, the offset was another one.
    before_and_after = (timedelta(minutes=-30), timedelta(0), timedelta(hours=20))
    booked = [
        (zone, _book(clinic, zone, change + distance)[1], change + distance)
        for zone in map(ZoneInfo, ZONES)
        for change in changes_of(zone)
        for distance in before_and_after
    ]
    _check_calendars(
        clinic, mailbox, send, result, "booked", 0, {id_: at for _zone, id_, at in booked}
    )
    _move_and_cancel(clinic, mailbox, send, result)
    for zone, consultation, _start in booked:
        found = clinic.rows(REMINDERS, (consultation,))
        if len(found) != len(KINDS):
            result.faults.append(f"{zone.key}: {len(found)} reminders")
        for message_id, kind, send_at, starts_at in found:
            result.reminders += 1
            shown = f"{zone.key}, {starts_at.isoformat()}, {kind}"
            if send_at != starts_at - KINDS[kind]:
                result.faults.append(f"{shown}: due at {send_at.isoformat()}")
            result.faults += (
                f"{shown}: {fault}"
                for fault in _remind(clinic, mailbox, send, zone, message_id, send_at, starts_at)
            )
    return result


def _move_and_cancel(clinic: Clinic, mailbox: Mailbox, send: Send, result: Result) -> None:
    """Consultations during which clocks change move to the next day, and are cancelled."""
    starts: dict[str, datetime] = {}
    patients: dict[str, str] = {}
    for zone in map(ZoneInfo, ZONES):
        for change in changes_of(zone):
            start = change - LENGTH / 2
            name, consultation = _book(clinic, zone, start, "other_doctor")
            starts[consultation], patients[consultation] = start, name
    _check_calendars(clinic, mailbox, send, result, "booked", 0, starts)
    for consultation, name in patients.items():
        starts[consultation] += timedelta(hours=24)
        slot = _slot(clinic, starts[consultation], "other_doctor")
        move = {"consultation_id": consultation, "slot_id": slot, "idempotency_key": new_key()}
        clinic.call(name, "reschedule_consultation", **move)
    _check_calendars(clinic, mailbox, send, result, "rescheduled", 1, starts)
    for consultation, name in patients.items():
        clinic.call(name, "cancel_consultation", consultation_id=consultation)
    _check_calendars(clinic, mailbox, send, result, "cancelled", 2, starts)


def _check_calendars(
    clinic: Clinic,
    mailbox: Mailbox,
    send: Send,
    result: Result,
    kind: str,
    sequence: int,
    starts: Mapping[str, datetime],
) -> None:
    """Send the mails of a kind to patients and doctors, and read their calendar files."""
    clinic.rows("select app.add_messages_of_event(e) from app.events as e order by e.id")
    found = clinic.rows(
        "select id::text from app.messages where kind = %s and consultation_id = any (%s::uuid[])",
        (kind, list(starts)),
    )
    mailbox.mails.clear()
    send(*(id_ for (id_,) in found))
    if len(mailbox.mails) != 2 * len(starts):
        result.faults.append(f"{kind}: {len(mailbox.mails)} mails of {len(starts)} consultations")
    method, status = ("CANCEL", "CANCELLED") if kind == "cancelled" else ("REQUEST", "CONFIRMED")
    for mail in mailbox.mails:
        result.calendars += 1
        result.faults += (
            f"calendar file, {kind}: {fault}"
            for fault in calendar_faults(mail, method, status, sequence, starts)
        )


def calendar_faults(
    mail: EmailMessage, method: str, status: str, sequence: int, starts: Mapping[str, datetime]
) -> Iterator[str]:
    """What is wrong with the calendar file of a mail. starts: of each consultation."""
    texts = [p.get_content() for p in mail.walk() if p.get_content_type() == "text/calendar"]
    if len(texts) != 1:
        yield f"{len(texts)} files in a mail"
        return
    calendar = Calendar.from_ical(texts[0])
    (event,) = calendar.walk("VEVENT")
    about = (calendar["METHOD"], event["STATUS"], event["SEQUENCE"])
    if about != (method, status, sequence):
        yield f"{about} instead of {(method, status, sequence)}"
    start = starts[str(event["UID"])]
    times = [event[name] for name in ("DTSTART", "DTEND") if name in event]
    written = [(time.to_ical().decode(), *time.params) for time in times]
    if written != [(f"{time:%Y%m%dT%H%M%SZ}",) for time in (start, start + LENGTH)]:
        yield f"{written} at {start.isoformat()}"


def _remind(
    clinic: Clinic,
    mailbox: Mailbox,
    send: Send,
    zone: ZoneInfo,
    message_id: str,
    send_at: datetime,
    starts_at: datetime,
) -> Iterator[str]:
    """Try to send a second too early, in time, and once more. Yields what is wrong."""
    mailbox.mails.clear()
    for now, mails in ((send_at - timedelta(seconds=1), 0), (send_at, 1), (send_at, 1)):
        set_clock(clinic, now)
        send(message_id)
        if len(mailbox.mails) != mails:
            yield f"{len(mailbox.mails)} mails at {now.isoformat()}, not {mails}"
    if not mailbox.mails:
        return
    local = starts_at.astimezone(zone)
    text = mailbox.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    text = text.replace("\n", " ").replace("\u202f", " ")
    offset = local.strftime("%z")
    for words in (
        f"({zone.key}, UTC{offset[:3]}:{offset[3:5]})",
        f"{local:%B} {local.day}, {local.year}",
        f"{local.hour % 12 or 12}:{local:%M} {'AM' if local.hour < 12 else 'PM'}",
    ):
        if words not in text:
            yield f"the text does not say {words}"


def set_clock(clinic: Clinic, now: datetime) -> None:
    """Let it be `now` in the database of the clinic."""
    clinic.onlooker.execute(sql.SQL(CLOCK).format(sql.Literal(now.isoformat())))


def _book(
    clinic: Clinic, zone: ZoneInfo, start: datetime, doctor: str = "doctor"
) -> tuple[str, str]:
    """A consultation of a new patient in a zone: the name of the patient, and its id."""
    name = f"patient{len(clinic.people)}"
    email = f"{name}@attacked.test"
    clinic.emails[name] = email
    person = {"email": email, "full_name": "Pat Patient"}
    clinic.call("nobody", "sign_up", **person, password_hash="$2b$04$" + "." * 53)
    clinic.log_in(name)
    clinic.call(name, "update_my_profile", time_zone=zone.key, versions=["*"])
    slot = _slot(clinic, start, doctor)
    booked = clinic.call(name, "book_consultation", slot_id=slot, idempotency_key=new_key())
    return name, str(booked["id"])


def _slot(clinic: Clinic, start: datetime, doctor: str) -> str:
    times = {"starts_at": start, "ends_at": start + LENGTH}
    return str(clinic.call(doctor, "publish_slot", **times)["id"])
