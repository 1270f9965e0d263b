"""Calendar files in a real CalDAV server (RFC 4791): book, reschedule and cancel.

Radicale writes the text of an entry again, so entries are compared after parsing.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from icalendar import Calendar, Event

from tests.resources.test_calendars import cancel, file_of, move, parsed, subscribe
from tests.support.client import Client, at, request
from tests.support.server import wait_for

ICALENDAR = {"Content-Type": "text/calendar; charset=utf-8"}
CALENDAR_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
MAKE = """<?xml version="1.0" encoding="utf-8"?>
<mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>
<resourcetype><collection/><C:calendar/></resourcetype></prop></set></mkcol>"""
QUERY = """<?xml version="1.0" encoding="utf-8"?>
<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">
<prop><C:calendar-data/></prop><C:filter><C:comp-filter name="VCALENDAR">
<C:comp-filter name="VEVENT">{limits}</C:comp-filter></C:comp-filter></C:filter>
</C:calendar-query>"""
LIMITS = '<C:time-range start="{start}" end="{end}"/>'
# What a newer version may change: the rest of an entry stays as it was.
COMPARED = ("UID", "SEQUENCE", "DTSTART", "DTEND", "DTSTAMP", "STATUS", "SUMMARY", "LOCATION")


@dataclass
class Collection:
    """A calendar in the server."""

    url: str

    def put(self, file: bytes, name: str = "") -> int:
        """Store a file, as one entry with a name or as the whole calendar. Returns the status."""
        address = self.url + (f"{name}.ics" if name else "")
        return request("PUT", address, data=file, headers=ICALENDAR).status_code

    def entries(self, start: datetime | None = None) -> list[Event]:
        """All entries, or those of the hour after `start`."""
        limits = ""
        if start:
            times = (start, start + timedelta(hours=1))
            first, last = (time.strftime("%Y%m%dT%H%M%SZ") for time in times)
            limits = LIMITS.format(start=first, end=last)
        headers = {"Content-Type": "application/xml", "Depth": "1"}
        answer = request("REPORT", self.url, data=QUERY.format(limits=limits), headers=headers)
        assert answer.status_code == 207, answer.text
        found = ElementTree.fromstring(answer.text).iter(CALENDAR_DATA)
        return [e for data in found for e in Calendar.from_ical(data.text or "").events]


@pytest.fixture(scope="module")
def radicale(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running server."""
    folder: Path = tmp_path_factory.mktemp("radicale")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = {
        "--server-hosts": f"127.0.0.1:{port}",
        "--auth-type": "none",
        "--rights-type": "authenticated",
        "--storage-filesystem-folder": str(folder / "collections"),
    }
    arguments = [part for option in options.items() for part in option]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            (sys.executable, "-m", "radicale", "--config", "", *arguments),
            env={"PATH": os.environ["PATH"]},
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url + "/.web/", 200)
            yield url
        finally:
            process.terminate()
            process.wait(timeout=10)


@pytest.fixture
def collection(radicale: str, patient: Client) -> Collection:
    """An empty calendar."""
    url = f"{radicale}/{patient.id}/consultations/"
    headers = {"Content-Type": "application/xml"}
    for address, body in ((f"{radicale}/{patient.id}/", None), (url, MAKE)):
        assert request("MKCOL", address, data=body, headers=headers).status_code == 201
    return Collection(url)


def facts(entries: list[Event]) -> list[dict[str, Any]]:
    """The properties of entries, without their spelling."""
    found = [
        {name: getattr(entry[name], "dt", entry[name]) for name in COMPARED} for entry in entries
    ]
    return sorted(found, key=lambda entry: str(entry["UID"]))


def test_rescheduled_consultation_moves_and_a_cancelled_one_goes(
    collection: Collection, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(at(1)))
    file = file_of(patient, booked)
    assert collection.put(file, booked["id"]) == 201
    assert facts(collection.entries()) == facts(parsed(file)[1])
    assert len(collection.entries(at(1))) == 1

    move(patient, booked, doctor.publish(at(2, 11)))
    file = file_of(patient, booked)
    assert collection.put(file, booked["id"]) in (201, 204)
    assert facts(collection.entries()) == facts(parsed(file)[1])
    assert collection.entries(at(1)) == []
    assert [entry["SEQUENCE"] for entry in collection.entries(at(2, 11))] == [1]

    cancel(patient, booked)
    calendar, entries = parsed(file := file_of(patient, booked))
    assert calendar["METHOD"] == "CANCEL"
    assert collection.put(file, booked["id"]) in (201, 204)
    (entry,) = collection.entries()
    assert facts([entry]) == facts(entries)
    assert (entry["STATUS"], entry["TRANSP"]) == ("CANCELLED", "TRANSPARENT")
    # What an application does with METHOD:CANCEL (RFC 5546, section 3.2.5)
    assert request("DELETE", f"{collection.url}{entries[0]['UID']}.ics").status_code == 200
    assert collection.entries() == []


def test_one_uid_cannot_be_stored_as_two_entries(
    collection: Collection, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(at(1)))
    assert collection.put(file_of(patient, booked), "mail") == 201
    move(patient, booked, doctor.publish(at(2)))
    # The server recognises the newer version by its UID.
    assert collection.put(file_of(patient, booked), "download") == 409
    assert collection.put(file_of(patient, booked), "mail") in (201, 204)
    assert [entry["SEQUENCE"] for entry in collection.entries()] == [1]


def test_private_calendar_is_imported_as_a_whole(
    collection: Collection, doctor: Client, patient: Client
) -> None:
    kept, moved, dropped = (patient.book(doctor.publish(at(n))) for n in (1, 2, 3))
    path, reader = subscribe(patient), patient.holding("")
    for change in (
        lambda: None,
        lambda: move(patient, moved, doctor.publish(at(4))),
        lambda: cancel(doctor, dropped),
    ):
        change()
        file = reader.get(path).content
        assert collection.put(file) == 201
        assert facts(collection.entries()) == facts(parsed(file)[1])
    by_id = {str(entry["UID"]): entry for entry in collection.entries()}
    assert by_id[kept["id"]]["DTSTART"].dt == at(1)
    assert by_id[moved["id"]]["DTSTART"].dt == at(4)
    assert by_id[dropped["id"]]["STATUS"] == "CANCELLED"
