"""Consultations as calendar files (iCalendar, RFC 5545; methods, RFC 5546), for the API and mails.

Applications merge the versions of an entry in different ways, so a file leaves nothing to them:

- The UID is the id of the consultation, and SEQUENCE is counted by the database.
- Times are instants in UTC. An end that is computed from a length, or in a time zone, differs
  between applications when clocks change. The text has the local times and the time zone.
- Each version has every property, because some applications keep a property that a newer version
  no longer has.
- A file has no clinical text and no patient. Equal entries make equal bytes.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from icalendar import Calendar, Event, vCalAddress, vDuration

CONTENT_TYPE = "text/calendar; charset=utf-8"
PUBLISH, REQUEST, CANCEL = "PUBLISH", "REQUEST", "CANCEL"
CANCELLED = "cancelled"
PRODID = "-//Telemedicine//Consultations//EN"
REFRESH = timedelta(hours=1)  # how often an application should read a feed
END = b"END:VCALENDAR\r\n"
# An entry takes about 0.3 ms to write and 1 KiB to remember. Most of a feed stays as it was read
# the last time.
MOST_REMEMBERED = 8192


class Words(NamedTuple):
    """The texts of an entry in one language."""

    with_doctor: str
    alone: str
    cancelled: str
    times: str
    place: str


WORDS = {
    "en": Words(
        "Consultation with {doctor}",
        "Consultation",
        "Cancelled: {summary}",
        "From {start} until {end}, time zone {zone}",
        "Online",
    ),
    "es": Words(
        "Consulta con {doctor}",
        "Consulta",
        "Cancelada: {summary}",
        "De {start} a {end}, zona horaria {zone}",
        "En línea",
    ),
    "fr": Words(
        "Consultation avec {doctor}",
        "Consultation",
        "Annulée : {summary}",
        "De {start} à {end}, fuseau horaire {zone}",
        "En ligne",
    ),
}


class Entry(NamedTuple):
    """A row of api.calendar_entries, with times as datetime."""

    consultation_id: str
    sequence: int
    status: str
    doctor_name: str | None
    starts_at: datetime
    ends_at: datetime
    starts_at_local: str
    ends_at_local: str
    time_zone: str
    language: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Entry":
        """The entry of a row from psycopg, or from JSON, where ids and times are text."""
        values = {name: row[name] for name in cls._fields} | {
            "consultation_id": str(row["consultation_id"])
        }
        for name in ("starts_at", "ends_at", "created_at", "updated_at"):
            value = row[name]
            found = datetime.fromisoformat(value) if isinstance(value, str) else value
            values[name] = found.astimezone(UTC)
        return cls(**values)


def consultation_calendar(
    rows: Iterable[Mapping[str, Any]],
    method: str,
    *,
    organizer: str,
    attendee: str = "",
    is_feed: bool = False,
) -> bytes:
    """A calendar file with one VEVENT for each row of api.calendar_entries.

    method: PUBLISH; REQUEST for a mail about consultations that take place; CANCEL for those that
    are cancelled. organizer, attendee: e-mail addresses of the clinic and of the recipient. Every
    method needs the organizer (RFC 5546, sections 3.2.1, 3.2.2 and 3.2.5), REQUEST the attendee as
    well. is_feed: say how often to read it again. Raises ValueError if the method does not fit the
    rows.
    """
    entries = [Entry.of(row) for row in rows]
    cancelled = {entry.status == CANCELLED for entry in entries}
    if method not in (PUBLISH, REQUEST, CANCEL):
        raise ValueError(f"{method} is not a method")
    if not organizer or (method == REQUEST and not attendee):
        raise ValueError("a file needs an organizer, and REQUEST an attendee")
    if (method == REQUEST and True in cancelled) or (method == CANCEL and False in cancelled):
        raise ValueError(f"{method} does not fit the status of a consultation")
    if method == PUBLISH:
        attendee = ""  # RFC 5546, section 3.2.1: it must not be there
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", PRODID)
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("METHOD", method)
    if is_feed:
        # RFC 7986, section 5.7; the second is what older applications read.
        calendar.add("REFRESH-INTERVAL", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
        calendar.add("X-PUBLISHED-TTL", vDuration(REFRESH))
    # The entries are remembered as they are written, so they are put in front of the last line.
    empty = calendar.to_ical()
    written = (_event(entry, organizer, attendee) for entry in entries)
    return b"".join((empty.removesuffix(END), *written, END))


def method_of(row: Mapping[str, Any]) -> str:
    """The method of a file about one consultation that its reader has asked for."""
    return CANCEL if row["status"] == CANCELLED else PUBLISH


@lru_cache(MOST_REMEMBERED)
def _event(entry: Entry, organizer: str, attendee: str) -> bytes:
    words = WORDS.get((entry.language or "en").partition("-")[0], WORDS["en"])
    summary = words.alone
    if entry.doctor_name is not None:
        summary = words.with_doctor.format(doctor=entry.doctor_name)
    is_cancelled = entry.status == CANCELLED
    event = Event()
    event.add("UID", entry.consultation_id)
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTAMP", entry.updated_at)
    event.add("CREATED", entry.created_at)
    event.add("LAST-MODIFIED", entry.updated_at)
    event.add("DTSTART", entry.starts_at)
    event.add("DTEND", entry.ends_at)
    event.add("STATUS", "CANCELLED" if is_cancelled else "CONFIRMED")
    # A cancelled entry, where an application still shows one, says so and keeps no time busy.
    event.add("TRANSP", "TRANSPARENT" if is_cancelled else "OPAQUE")
    event.add("CLASS", "PRIVATE")
    event.add("SUMMARY", words.cancelled.format(summary=summary) if is_cancelled else summary)
    event.add("LOCATION", words.place)
    event.add(
        "DESCRIPTION",
        words.times.format(
            start=entry.starts_at_local, end=entry.ends_at_local, zone=entry.time_zone
        ),
    )
    event.add("ORGANIZER", vCalAddress(f"mailto:{organizer}"))
    if attendee:
        # The patient has booked, and the doctor has offered the slot: nobody has to answer.
        event.add(
            "ATTENDEE",
            vCalAddress(f"mailto:{attendee}"),
            parameters={"ROLE": "REQ-PARTICIPANT", "PARTSTAT": "ACCEPTED", "RSVP": "FALSE"},
        )
    written: bytes = event.to_ical()
    return written
