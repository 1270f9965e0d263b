"""Calendar files as the npm packages ical.js and node-ical read them, and icalendar."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from scripts import clients
from tests.resources.test_calendars import (
    cancel,
    file_of,
    last_sunday_of_october,
    move,
    parsed,
    subscribe,
)
from tests.support.client import Client, at

pytestmark = pytest.mark.skipif(
    not clients.ready(), reason="the npm packages are missing: `make clients` installs them"
)
SCRIPT = "calendars.mjs"


def read(files: list[bytes], folder: Path, zone: str = "UTC") -> list[dict[str, Any]]:
    """What each package understands of each file, on a machine in a time zone."""
    # Node looks for packages beside the script.
    shutil.copy(clients.SOURCES / SCRIPT, clients.TOOLS / SCRIPT)
    names = []
    for number, file in enumerate(files):
        names.append(str(folder / f"{number}.ics"))
        Path(names[-1]).write_bytes(file)
    answers: list[dict[str, Any]] = json.loads(
        clients.node(str(clients.TOOLS / SCRIPT), *names, variables={"TZ": zone})
    )
    return answers


def expected(file: bytes) -> dict[str, Any]:
    """What icalendar understands of a file."""
    calendar, entries = parsed(file)
    return {
        "method": str(calendar["METHOD"]),
        "entries": [
            {
                "uid": str(entry["UID"]),
                "sequence": int(entry["SEQUENCE"]),
                "status": str(entry["STATUS"]),
                "start": entry["DTSTART"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "end": entry["DTEND"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                **{
                    name: str(entry[name.upper()])
                    for name in ("summary", "description", "location")
                },
            }
            for entry in entries
        ],
    }


def by_uid(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"entries": sorted(answer["entries"], key=lambda entry: entry["uid"])}


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Europe/Berlin"])
def test_packages_read_every_version_as_it_is_meant(
    doctor: Client, patient: Client, tmp_path: Path, zone: str
) -> None:
    booked = patient.book(doctor.publish(last_sunday_of_october(), 60))
    files = [file_of(patient, booked)]
    move(patient, booked, doctor.publish(at(2)))
    files.append(file_of(patient, booked))
    path, reader = subscribe(patient), patient.holding("")
    other = patient.book(doctor.publish(at(3)))
    files.append(reader.get(path).content)
    cancel(patient, booked)
    files += [file_of(patient, booked), reader.get(path).content]
    assert len(parsed(files[-1])[1]) == 2
    assert other["id"] in files[-1].decode()
    for file, answer in zip(files, read(files, tmp_path, zone), strict=True):
        meant = by_uid(expected(file))
        assert by_uid(answer["icalJs"]) == meant
        assert by_uid(answer["nodeIcal"]) == meant


def test_packages_keep_special_characters(doctor: Client, patient: Client, tmp_path: Path) -> None:
    name = "Dr. A, B; C\\D 'E' " + "Ä" * 80
    doctor.patch("/v1/me", {"full_name": name})
    file = file_of(patient, patient.book(doctor.publish()))
    (answer,) = read([file], tmp_path)
    for package in answer.values():
        assert package["entries"][0]["summary"] == f"Consultation with {name}"
