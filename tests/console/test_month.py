"""The month of a doctor: days with free times, by the clocks of the viewer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from console.pages import doctors
from tests.support.client import PASSWORD, TODAY, Client, ok
from tests.support.pages import Page, Surfer
from tests.support.people import People

BERLIN = ZoneInfo("Europe/Berlin")


def surfer(client: Client) -> Surfer:
    person = Surfer(client.url)
    assert person.log_in(client.email, PASSWORD).status == 200
    return person


def clock_changes() -> list[date]:
    """The next two days on which the clocks of Berlin change, at least a week ahead."""
    days = (TODAY.date() + timedelta(days=n) for n in range(7, 400))
    changes = [day for day in days if midnight(day + timedelta(1)) - midnight(day) != timedelta(1)]
    return changes[:2]


def midnight(day: date) -> datetime:
    """The beginning of a day in Berlin, as an instant."""
    return datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)


def cells(page: Page) -> dict[str, Any]:
    """The cell of each day, by its date; a day without free times has no link."""
    found = {}
    for cell in page.query(".month td"):
        (link,) = cell.query("a") or [None]
        day = link.attrs["href"][-10:] if link else cell.query("time")[0].attrs["datetime"]
        found[day] = link
    return found


def free(page: Page) -> dict[str, str]:
    """What is said about each day with free times."""
    return {day: link.attrs["aria-label"] for day, link in cells(page).items() if link}


@pytest.mark.parametrize("change", clock_changes(), ids=["first", "second"])
def test_day_of_a_clock_change_has_its_free_times_by_the_clocks_of_the_viewer(
    new_doctor: People, patient: Client, change: date
) -> None:
    doctor = new_doctor(time_zone="Pacific/Honolulu")
    ok(patient.patch("/v1/me", {"time_zone": "Europe/Berlin"}))
    first, last = midnight(change), midnight(change + timedelta(days=1)) - timedelta(minutes=30)
    before, after = first - timedelta(minutes=30), last + timedelta(minutes=30)
    for start in (before, first, last, after):
        doctor.publish(start)
    person = surfer(patient)
    days = [change + timedelta(days=n) for n in (-1, 0, 1)]
    said = {}
    for shown in days:  # the last one may be in the next month
        page = person.open(f"/doctors/{doctor.id}/month?month={shown:%Y-%m}")
        said |= free(page)
    assert "clocks in Europe/Berlin" in page.text()
    assert [said[str(day)].rpartition(": ")[2] for day in days] == [
        "1 free time", "2 free times", "1 free time",
    ]  # fmt: skip
    # The link leads to exactly these times.
    page = person.open(f"/doctors/{doctor.id}/month?month={change:%Y-%m}")
    day = person.open(cells(page)[str(change)].attrs["href"])
    assert [time.attrs["datetime"] for time in day.query("section")[0].query(".slots time")] == [
        f"{start:%Y-%m-%dT%H:%M:%S}Z" for start in (first, last)
    ]


def test_month_has_whole_weeks_and_leads_to_its_neighbours(doctor: Client, patient: Client) -> None:
    person = surfer(patient)
    person.open(f"/doctors/{doctor.id}")
    page = person.follow("By month")
    days = [date.fromisoformat(day) for day in cells(page)]
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    assert (days[0].weekday(), len(days) % 7) == (0, 0)
    assert [cell.attrs["scope"] for cell in page.query(".month th")] == ["col"] * 7
    assert free(page) == {}
    assert "no free time in these weeks" in page.text()
    assert page.links("Show the first free times") == [f"/doctors/{doctor.id}"]
    # The past has no free times.
    assert not page.query("[rel=prev]")
    first = page.query("caption")[0].to_text()
    again = person.open(page.query("[rel=next]")[0].attrs["href"])
    assert again.query("caption")[0].to_text() != first
    assert person.open(again.query("[rel=prev]")[0].attrs["href"]).text("caption") == first
    today = [cell for cell in page.query(".month td") if "aria-current" in cell.attrs]
    assert len(today) == 1


@pytest.mark.parametrize("language", ["en-US", "es", "fr"])
def test_week_begins_and_is_named_as_in_the_language(
    doctor: Client, new_patient: People, language: str
) -> None:
    patient = new_patient()
    ok(patient.patch("/v1/me", {"language": language}))
    page = surfer(patient).open(f"/doctors/{doctor.id}/month")
    first = date.fromisoformat(next(iter(cells(page))))
    name = page.query(".month abbr")[0].attrs["title"]
    assert (first.weekday(), name) == {
        "en-US": (6, "Sunday"), "es": (0, "lunes"), "fr": (0, "lundi"),
    }[language]  # fmt: skip


@pytest.mark.parametrize(("text", "month"), [
    ("", "2027-03"), ("x", "2027-03"), ("2027-13", "2027-03"), ("2026-01", "2027-03"),
    ("0001-01", "2027-03"), ("2027-03", "2027-03"), ("2028-12", "2028-12"),
    ("2031-01", "2029-03"), ("9999-12", "2029-03"), ("２０２８-01", "2027-03"),
    ("2028-01-01", "2027-03"),
])  # fmt: skip
def test_month_of_an_address_is_one_with_free_times(text: str, month: str) -> None:
    assert doctors._month(text, date(2027, 3, 31)).isoformat() == f"{month}-01"


def test_consultation_moves_by_the_month_view(doctor: Client, patient: Client) -> None:
    start = TODAY + timedelta(days=40, hours=9)
    booked = patient.book(doctor.publish(start))
    other = doctor.publish(start + timedelta(hours=1))
    person = surfer(patient)
    person.open(f"/consultations/{booked['id']}/reschedule")
    person.follow("By month")
    page = person.open(f"{person.page.url}?month={start:%Y-%m}")
    assert list(free(page)) == [f"{start:%Y-%m-%d}"]
    day = person.open(cells(page)[f"{start:%Y-%m-%d}"].attrs["href"])
    address = f"/consultations/{booked['id']}/reschedule/{other['id']}"
    assert day.links(selector=".slots a") == [address]


def test_month_of_an_unknown_doctor_is_not_found(patient: Client) -> None:
    page = surfer(patient).open(f"/doctors/{patient.id}/month")
    assert page.status == 404
