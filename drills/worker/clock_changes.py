"""Reminders of consultations beside the hours at which clocks change.

A reminder is due 24 hours, or one hour, of real time before the start, and not the same time of the
day before; it names the time, the zone and the offset of the recipient at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

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
            ):
                return _check(clinic, mailbox)
    finally:
        cluster.drop_database(database)


def _check(clinic: Clinic, mailbox: Mailbox) -> Result:
    result = Result(0, [])
    # Before a change, at it, and a day later: 24 hours before that, the offset was another one.
    before_and_after = (timedelta(minutes=-30), timedelta(0), timedelta(hours=20))
    booked = [
        (zone, _book(clinic, zone, change + distance))
        for zone in map(ZoneInfo, ZONES)
        for change in changes_of(zone)
        for distance in before_and_after
    ]
    clinic.rows("select app.add_messages_of_event(e) from app.events as e order by e.id")
    for zone, consultation in booked:
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
                for fault in _send(clinic, mailbox, zone, message_id, send_at, starts_at)
            )
    return result


def _send(
    clinic: Clinic,
    mailbox: Mailbox,
    zone: ZoneInfo,
    message_id: str,
    send_at: datetime,
    starts_at: datetime,
) -> Iterator[str]:
    """Try to send a second too early, in time, and once more. Yields what is wrong."""
    mailbox.mails.clear()
    for now, mails in ((send_at - timedelta(seconds=1), 0), (send_at, 1), (send_at, 1)):
        set_clock(clinic, now)
        asyncio.run(_work(clinic, message_id))
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


async def _work(clinic: Clinic, message_id: str) -> None:
    pool = db.new_pool(clinic.cluster.url(clinic.database, "telemed_worker"), 1)
    await pool.open()
    try:
        await messages.send_message(message_id)
    finally:
        await pool.close()


def _book(clinic: Clinic, zone: ZoneInfo, start: datetime) -> str:
    """A consultation of a new patient in a zone; its id."""
    name = f"patient{len(clinic.people)}"
    email = f"{name}@attacked.test"
    clinic.emails[name] = email
    person = {"email": email, "full_name": "Pat Patient"}
    clinic.call("nobody", "sign_up", **person, password_hash="$2b$04$" + "." * 53)
    clinic.log_in(name)
    clinic.call(name, "update_my_profile", time_zone=zone.key, versions=["*"])
    times = {"starts_at": start, "ends_at": start + timedelta(minutes=20)}
    slot = clinic.call("doctor", "publish_slot", **times)["id"]
    booked = clinic.call(name, "book_consultation", slot_id=slot, idempotency_key=new_key())
    return str(booked["id"])
