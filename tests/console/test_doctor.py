"""A doctor at the console, with JavaScript off: calendar, hours, time off, treatment, practice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
import requests

from console import clocks
from tests.support.client import PASSWORD, Client, at, new_key, ok, race
from tests.support.pages import Page, Surfer
from tests.support.people import People

BERLIN, CHICAGO = ZoneInfo("Europe/Berlin"), ZoneInfo("America/Chicago")
EVERY_DAY = list("1234567")
HOSTILE = '<b>O\'Nora</b> & "{{ 1 + 1 }}"'


def surfer(client: Client) -> Surfer:
    """A browser in which the owner of an account is logged in."""
    person = Surfer(client.url)
    assert person.log_in(client.email, PASSWORD).status == 200
    return person


@pytest.fixture(scope="module")
def somebody(new_doctor: People) -> Surfer:
    """A doctor in Berlin whose schedule stays empty: for tests that change nothing."""
    return surfer(new_doctor(languages=["de"]))


def schedule(doctor: Client, day: datetime) -> list[dict[str, str]]:
    """What is in the schedule of a doctor on a day in UTC."""
    text = day.date().isoformat()
    query = {"from_": text, "to": text, "time_zone": "UTC"}
    items: list[dict[str, str]] = ok(doctor.get("/v1/me/schedule", **query))["items"]
    return items


def in_utc(doctor: Client) -> Client:
    ok(doctor.patch("/v1/me", {"time_zone": "UTC"}))
    return doctor


def day_of(when: datetime) -> str:
    return when.date().isoformat()


def section(page: Page, day: str) -> str:
    """The text of a day of the calendar."""
    (found,) = [s for s in page.query("section") if s.query(f'time[datetime="{day}"]')]
    return " ".join(found.to_text().split())


# The calendar


def test_calendar_has_slots_consultations_and_time_off_of_a_week(
    new_doctor: People, patient: Client
) -> None:
    doctor = in_utc(new_doctor())
    free, taken = doctor.publish(at(9, 9)), doctor.publish(at(9, 10))
    booked = patient.book(taken, reason="A rash")
    off = {
        "starts_at": at(9, 12).isoformat(),
        "ends_at": (at(9, 12) + timedelta(days=1)).isoformat(),
    }
    ok(doctor.post("/v1/time-off", off | {"reason": "Holiday"}), 201)
    person = surfer(doctor)
    assert person.page.heading == "Calendar"  # the first page of a doctor
    day = day_of(at(9))
    week = person.open(f"/schedule?day={day}")
    assert len(week.query("section")) == 7
    shown = section(week, day)
    assert "9:00\u202fAM" in week.answer.text
    assert "UTC+00:00 , 30 minutes Free Withdraw" in shown
    assert "Pat Patient Booked" in shown
    assert "From 12:00" in shown
    assert "A rash" not in week.text()  # on the day only
    assert week.links("Withdraw") == [f"/schedule/slots/{free['id']}/withdraw"]
    assert week.links("Pat Patient") == [f"/consultations/{booked['id']}"]

    one_day = person.open(f"/schedule?day={day}&view=day")
    assert len(one_day.query("section")) == 1
    assert "A rash" in one_day.text()
    after = person.follow("Next day")
    assert "Until 12:00" in after.text("section")
    assert person.follow("Previous day").text("section") == one_day.text("section")
    assert section(person.follow("Week"), day) == shown
    assert len(person.follow("Next week").query("section")) == 7


def test_calendar_without_entries_says_so_and_leads_on(somebody: Surfer) -> None:
    page = somebody.open("/schedule")
    assert "Nothing is in your calendar here." in page.text()
    assert "Today" in page.text("section .badge")
    assert somebody.follow("Publish weekly hours").heading == "Weekly hours"
    assert "You have no time off." in somebody.open("/time-off").text()


@pytest.mark.parametrize(
    ("day", "hours"), [("2027-03-28", "23"), ("2027-10-31", "25"), ("2027-10-30", "")]
)
def test_day_on_which_clocks_change_says_how_long_it_is(
    somebody: Surfer, day: str, hours: str
) -> None:
    page = somebody.open(f"/schedule?day={day}&view=day")  # a practice in Berlin
    assert ("this day has" in page.text()) == bool(hours)
    assert not hours or f"this day has {hours} hours" in page.text()


def test_calendar_of_a_repeated_hour_shows_both_with_their_offsets(new_doctor: People) -> None:
    doctor = new_doctor()
    for hour in (0, 1):
        doctor.publish(datetime(2028, 10, 29, hour, 30, tzinfo=UTC))
    page = surfer(doctor).open("/schedule?day=2028-10-29&view=day")
    starts = [t.to_text().replace("\u202f", " ") for t in page.query(".entry time")]
    assert starts == ["2:30 AM UTC+02:00", "2:30 AM UTC+01:00"]


@pytest.mark.parametrize(
    "day", ["0001-01-01", "9999-12-31", "2027-02-30", "x", "", "\u0662\u0660\u0662\u0667-01-01"]
)
def test_calendar_of_an_odd_day_is_that_of_today(somebody: Surfer, day: str) -> None:
    page = somebody.open("/schedule?" + urlencode({"day": day}))
    assert page.status == 200
    assert "Today" in page.text("section .badge")


def test_pages_of_doctors_are_for_doctors(patient: Client, admin: Client) -> None:
    for client in (patient, admin):
        person = surfer(client)
        for address in ("/schedule", "/schedule/hours", "/time-off", "/practice"):
            assert person.open(address).status in (403, 404), address
        assert not person.open("/").links("Weekly hours")
    stranger = Surfer(patient.url)
    assert "/log-in?next=%2Fschedule" in stranger.open("/schedule").url


# Weekly hours and single slots


def hours(day: datetime, **more: object) -> str:
    """The address of a preview of weekly hours."""
    entered = {
        "weekdays": EVERY_DAY,
        "first_day": day_of(day),
        "last_day": day_of(day),
        "start_time": "09:00",
        "end_time": "11:00",
        "slot_minutes": "30",
        "time_zone": "UTC",
    }
    return "/schedule/hours?" + urlencode(entered | more, doseq=True)


def test_weekly_hours_are_shown_before_they_are_published(new_doctor: People) -> None:
    doctor = in_utc(new_doctor())
    doctor.publish(at(8, 9))
    person = surfer(doctor)
    page = person.open("/schedule/hours")
    assert page.form("/schedule/hours")["time_zone"] == "Europe/Berlin"  # that of the practice
    assert not page.query("#preview")
    address = hours(at(8))
    page = person.open(address)
    assert page.text("#preview") == "3 times would be published"
    assert "1 time is skipped: it is published already" in page.text("details summary")
    assert len(schedule(doctor, at(8))) == 1  # nothing is published yet
    published = person.send(address)
    assert published.text("[role=status]") == "Your times are published."
    assert "UTC+00:00 , 30 minutes Free" in section(published, day_of(at(8)))
    assert len(schedule(doctor, at(8))) == 4
    # Back to the preview, which is made again.
    again = person.open(address)
    assert "There is nothing new to publish." in again.text()
    assert address not in [form.attrs["action"] for form in again.query("form")]


def test_weekly_hours_that_are_sent_twice_are_published_once(new_doctor: People) -> None:
    doctor = in_utc(new_doctor())
    person = surfer(doctor)
    # From the day before on, so that an answer without slots would lead elsewhere.
    address = hours(at(8), first_day=day_of(at(7)), weekdays=[at(8).isoweekday()])
    form = person.open(address).form(address)
    send = {"url": doctor.url + address, "data": form, "timeout": 60}
    more = {"cookies": person.session.cookies.get_dict(), "headers": dict(person.session.headers)}
    answers = race([lambda: requests.post(**send, **more, allow_redirects=False)] * 2)
    assert [a.status_code for a in answers] == [303, 303]
    assert len({a.headers["Location"] for a in answers}) == 1
    assert len(schedule(doctor, at(8))) == 4
    # Another tab, which has its own key, finds nothing to do.
    assert person.send_again(address, form | {"key": new_key()}).status == 200
    assert len(schedule(doctor, at(8))) == 4


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"weekdays": []}, "weekdays"),
        ({"weekdays": ["8"]}, "weekdays"),
        ({"weekdays": ["x"]}, "weekdays"),
        ({"first_day": ""}, "first_day"),
        ({"last_day": "2020-01-01"}, "last_day"),
        ({"start_time": ""}, "start_time"),
        ({"end_time": "9 o'clock"}, "end_time"),
        ({"end_time": "09:00"}, "end_time"),
        ({"slot_minutes": ""}, "slot_minutes"),
        ({"slot_minutes": "9" * 30}, "slot_minutes"),
        ({"time_zone": "Nowhere/Land"}, "time_zone"),
    ],
)
def test_weekly_hours_that_are_wrong_name_the_field(
    somebody: Surfer, more: dict[str, object], field: str
) -> None:
    page = somebody.open(hours(at(8), **more))
    assert page.status == 422
    assert set(page.links(selector=".summary a")) == {f"#{field}"}
    assert page.query(f"#{field}")
    assert not page.query("#preview")


def test_hours_until_midnight_and_hours_that_clocks_skip(somebody: Surfer) -> None:
    night = hours(at(8), start_time="23:00", end_time="00:00")
    assert somebody.open(night).text("#preview") == "2 times would be published"
    whole = hours(at(8), start_time="00:00", end_time="00:00", slot_minutes="60")
    assert somebody.open(whole).text("#preview") == "24 times would be published"
    march = {"first_day": "2028-03-26", "last_day": "2028-03-26", "time_zone": "Europe/Berlin"}
    page = somebody.open(hours(at(8), start_time="01:00", end_time="04:00", **march))
    assert page.text("#preview") == "4 times would be published"
    assert "2028-03-26 02:00:00 (Europe/Berlin)" in page.text("details")


def test_long_preview_shows_its_beginning(somebody: Surfer) -> None:
    last = {"last_day": day_of(at(12)), "start_time": "00:00", "end_time": "00:00"}
    page = somebody.open(hours(at(8), slot_minutes="15", **last))
    assert page.text("#preview") == "480 times would be published"
    assert len(page.query(".slots li")) == 200
    assert "And 280 more times." in page.text()


def test_one_slot_is_published_and_withdrawn(new_doctor: People) -> None:
    doctor = in_utc(new_doctor())
    person = surfer(doctor)
    day = day_of(at(8))
    person.open(f"/schedule/slots/new?day={day}")
    form = person.page.form("/schedule/slots/new") | {"start_time": "09:00", "minutes": "20"}
    for _ in range(2):  # a double click
        page = person.send_again("/schedule/slots/new", form)
        assert page.text("[role=status]") == "Your time is published."
    (slot,) = schedule(doctor, at(8))
    assert (slot["starts_at"], slot["ends_at"]) == (f"{day}T09:00:00Z", f"{day}T09:20:00Z")

    person.open("/schedule/slots/new")
    refused = person.send("/schedule/slots/new", day=day, start_time="09:10", minutes="20")
    assert refused.status == 409
    assert refused.text("[role=alert]") == "This time overlaps another time of yours."
    assert refused.form("/schedule/slots/new")["start_time"] == "09:10"

    address = f"/schedule/slots/{slot['id']}/withdraw"
    asked = person.open(address)
    assert asked.heading == "Withdraw this time?"
    assert len(schedule(doctor, at(8))) == 1
    form = asked.form(address)
    for _ in range(2):  # a double click
        gone = person.send_again(address, form)
        assert gone.text("[role=status]") == "The time is not offered any more."
    assert schedule(doctor, at(8)) == []
    assert "withdrawn already" in person.open(address).text()


def test_booked_slot_is_not_withdrawn(new_doctor: People, patient: Client) -> None:
    doctor = new_doctor()
    slot = doctor.publish(at(8, 9))
    person = surfer(doctor)
    address = f"/schedule/slots/{slot['id']}/withdraw"
    form = person.open(address).form(address)
    patient.book(slot)
    refused = person.send_again(address, form)
    assert refused.status == 409
    assert refused.text("[role=alert]") == "This time is booked. Cancel its consultation first."
    assert not person.open(address).query("main form")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"day": "", "start_time": "09:00"}, {"#day"}),
        ({"start_time": ""}, {"#start_time"}),
        ({"start_time": "25:00"}, {"#start_time"}),
        ({"minutes": "0"}, {"#minutes"}),
        ({"minutes": "1e3"}, {"#minutes"}),
        ({"day": "2020-01-01", "start_time": "09:00"}, {"#start_time"}),
    ],
)
def test_slot_that_is_wrong_names_the_field(
    somebody: Surfer, fields: dict[str, str], wrong: set[str]
) -> None:
    somebody.open("/schedule/slots/new")
    entered = {"day": day_of(at(8)), "start_time": "09:00", "minutes": "30"} | fields
    page = somebody.send("/schedule/slots/new", **entered)
    assert page.status == 422
    assert set(page.links(selector=".summary a")) == wrong
    assert all(page.query(field) for field in wrong)


def test_slot_at_a_time_that_clocks_show_twice_asks_which(new_doctor: People) -> None:
    doctor = new_doctor()  # in Berlin
    person = surfer(doctor)
    person.open("/schedule/slots/new?day=2028-10-29")
    asked = person.send("/schedule/slots/new", start_time="02:30")
    assert asked.status == 422
    assert "twice" in asked.text(".summary")
    options = [o.to_text().replace("\u202f", " ") for o in asked.query("#occurrence option")]
    assert options == ["2:30 AM UTC+02:00", "2:30 AM UTC+01:00"]
    assert person.send("/schedule/slots/new", occurrence="1").status == 200
    (slot,) = schedule(doctor, datetime(2028, 10, 29, tzinfo=UTC))
    assert slot["starts_at"] == "2028-10-29T01:30:00Z"
    person.open("/schedule/slots/new?day=2028-03-26")
    skipped = person.send("/schedule/slots/new", start_time="02:30")
    assert skipped.links(selector=".summary a") == ["#start_time"]


# Time off


def off(first: datetime, last: datetime, **more: str) -> str:
    entered = {"first_day": day_of(first), "last_day": day_of(last)} | more
    return "/time-off/new?" + urlencode(entered)


def test_time_off_says_before_what_happens_to_consultations(
    new_doctor: People, patient: Client
) -> None:
    doctor = in_utc(new_doctor())
    doctor.publish(at(8, 9))
    booked = patient.book(doctor.publish(at(8, 10)))
    patient.book(doctor.publish(at(7, 10)))  # of the day before
    person = surfer(doctor)
    address = off(at(8), at(9))
    page = person.open(address)
    assert page.text("#preview") == "Take this time off?"
    assert "1 free time is withdrawn." in page.text()
    assert page.links("Pat Patient") == [f"/consultations/{booked['id']}"]
    assert [e["kind"] for e in schedule(doctor, at(8))] == ["slot", "consultation"]
    form = page.form(address) | {"reason": HOSTILE}
    for _ in range(2):  # a double click
        taken = person.send_again(address, form)
        assert taken.text("[role=status]") == "Your time off is entered."
    assert taken.text("article .text") == HOSTILE
    assert [e["kind"] for e in schedule(doctor, at(8))] == ["time_off", "consultation"]
    (row,) = ok(doctor.get("/v1/time-off"))["items"]
    end = at(10).replace(hour=0, minute=0, second=0, microsecond=0)
    assert row["ends_at"] == f"{end:%Y-%m-%dT%H:%M:%SZ}"
    # Another tab
    refused = person.send_again(address, form | {"key": new_key()})
    assert refused.status == 409
    assert refused.text("[role=alert]") == "You have time off in this period already."

    person.open("/time-off")
    asked = person.follow("Remove")
    assert asked.heading == "Remove this time off?"
    address = f"/time-off/{row['id']}/end"
    form = asked.form(address)
    assert person.send(address).text("[role=status]") == "The time off is removed."
    assert ok(doctor.get("/v1/time-off"))["items"] == []
    again = person.send_again(address, form)
    assert (again.status, again.text("[role=alert]")) == (404, "This time off is removed already.")


def test_time_off_by_times_of_day_covers_what_clocks_show_twice(new_doctor: People) -> None:
    doctor = new_doctor()  # in Berlin
    day = datetime(2028, 10, 29, tzinfo=UTC)
    address = off(day, day, first_time="02:30", last_time="02:45")
    person = surfer(doctor)
    person.open(address)
    assert person.send(address).status == 200
    (row,) = ok(doctor.get("/v1/time-off"))["items"]
    assert (row["starts_at"], row["ends_at"]) == ("2028-10-29T00:30:00Z", "2028-10-29T01:45:00Z")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"first_day": ""}, "first_day"),
        ({"last_day": "soon"}, "last_day"),
        ({"first_time": "26:00"}, "first_time"),
        ({"last_day": "2020-01-01", "first_day": "2020-01-01"}, "last_day"),
        ({"first_time": "10:00", "last_time": "09:00"}, "last_day"),
        (
            {"first_day": "2028-03-26", "last_day": "2028-03-26", "first_time": "02:30"},
            "first_time",
        ),
    ],
)
def test_time_off_that_is_wrong_names_the_field(
    somebody: Surfer, more: dict[str, str], field: str
) -> None:
    page = somebody.open(off(at(8), at(8), **more))
    assert page.status == 422
    assert page.links(selector=".summary a") == [f"#{field}"]
    assert page.query(f"#{field}")
    assert not page.query("#preview")


def test_time_off_has_pages(new_doctor: People) -> None:
    doctor = new_doctor()
    for n in range(21):
        body = {"starts_at": at(30 + n).isoformat(), "ends_at": at(31 + n).isoformat()}
        ok(doctor.post("/v1/time-off", body), 201)
    person = surfer(doctor)
    assert len(person.open("/time-off").query("article")) == 20
    assert len(person.follow("Next page").query("article")) == 1


# Treatment


def test_doctor_completes_and_prescribes(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish(), reason=HOSTILE)
    person = surfer(doctor)
    path = f"/consultations/{booked['id']}"
    person.open(path)
    assert not person.page.links("Prescribe")
    assert "Complete the consultation before" in person.open(f"{path}/prescribe").text()
    asked = person.open(f"{path}/complete")
    assert asked.heading == "Complete this consultation?"
    assert asked.text("main > .text") == HOSTILE
    form = asked.form(f"{path}/complete") | {"notes": "Rest <3"}
    for _ in range(2):  # a double click
        done = person.send_again(f"{path}/complete", form)
        assert done.text("[role=status]") == "The consultation is completed."
    assert ok(doctor.get(f"/v1{path}"))["notes"] == "Rest <3"
    other_tab = person.send_again(f"{path}/complete", form | {"key": new_key(), "notes": "Other"})
    assert other_tab.status == 409
    assert not other_tab.query("main form")

    person.open(path)
    person.follow("Prescribe")
    address = f"{path}/prescribe"
    more = person.send(address, step="more", drug_1="Ibuprofen", dosage_1="400 mg")
    assert len(more.query("fieldset")) == 2
    assert "Ibuprofen , 400 mg" in person.send(address, step="review").text("article")
    person.send(address, step="change")
    review = person.send(
        address, step="review", drug_2=HOSTILE, dosage_2="1 g", duration_days_2="1", notes="Water"
    )
    assert review.heading == "Issue this prescription?"
    assert HOSTILE in review.text("article")
    assert ok(doctor.get(f"/v1{path}/prescriptions"))["items"] == []
    changed = person.send(address, step="change")
    assert changed.form(address)["drug_2"] == HOSTILE
    person.send(address, step="review", dosage_2="2 g")
    form = person.page.form(address) | {"step": "issue"}
    for _ in range(2):  # a double click
        issued = person.send_again(address, form)
        assert issued.text("[role=status]") == "The prescription is issued."
    (prescription,) = ok(doctor.get(f"/v1{path}/prescriptions"))["items"]
    assert [
        (item["drug"], item["dosage"], item["duration_days"]) for item in prescription["items"]
    ] == [("Ibuprofen", "400 mg", None), (HOSTILE, "2 g", 1)]
    assert prescription["notes"] == "Water"


@pytest.mark.parametrize("step", ["review", "issue"])
def test_prescription_that_is_wrong_names_the_row(
    doctor: Client, patient: Client, step: str
) -> None:
    booked = doctor.complete(patient.book(doctor.publish()))
    person = surfer(doctor)
    address = f"/consultations/{booked['id']}/prescribe"
    person.open(address)
    nothing = person.send(address, step=step)
    assert nothing.status == 422
    assert nothing.links(selector=".summary a") == ["#drug_1", "#dosage_1"]
    rows = {"rows": "3", "drug_3": "Ibuprofen", "dosage_3": "400 mg", "duration_days_3": "0"}
    wrong = person.send(address, step=step, **rows)
    assert wrong.links(selector=".summary a") == ["#duration_days_3"]
    assert wrong.query("#duration_days_3[aria-invalid]")
    for rows_sent in ("0", "-1", "51", "x", "9" * 30):
        assert person.send(address, step=step, rows=rows_sent).status == 422
    assert ok(doctor.get(f"/v1/consultations/{booked['id']}/prescriptions"))["items"] == []


def test_fault_that_only_the_api_knows_names_the_row(doctor: Client, patient: Client) -> None:
    booked = doctor.complete(patient.book(doctor.publish()))
    person = surfer(doctor)
    address = f"/consultations/{booked['id']}/prescribe"
    person.open(address)
    hidden = {"rows": "3", "drug_3": "Ibu\u202eprofen", "dosage_3": "400 mg"}
    refused = person.send(address, step="issue", **hidden)
    assert refused.status == 422
    assert refused.links(selector=".summary a") == ["#drug_3"]
    assert refused.query("#drug_3[aria-invalid]")


def test_completion_is_offered_only_around_the_time_of_a_consultation(
    doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(at(30)))
    page = surfer(doctor).open(f"/consultations/{booked['id']}")
    assert page.links("Cancel the consultation")
    assert page.links("Join the video")
    assert not page.links("Complete the consultation")


def test_patient_neither_completes_nor_prescribes(doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    person = surfer(patient)
    path = f"/consultations/{booked['id']}"
    assert not person.open(path).links("Complete the consultation")
    form = person.open("/preferences").form("/preferences")
    for page in (f"{path}/complete", f"{path}/prescribe"):
        assert person.open(page).status == 403
        assert person.send_again(page, form | {"step": "issue", "notes": "Mine"}).status == 403
    assert ok(patient.get(f"/v1{path}"))["status"] == "scheduled"


# The practice


def test_doctor_changes_the_own_practice(new_doctor: People) -> None:
    doctor = new_doctor(languages=["de"])
    person = surfer(doctor)
    page = person.open("/practice")
    form = page.form("/practice")
    assert (form["fee"], form["languages"]) == ("50.00", "de")
    form |= {"fee": "62,50", "add_language": "es", "biography": HOSTILE}
    assert person.send_again("/practice", form).text("[role=status]") == "Your practice is saved."
    changed = ok(doctor.get(f"/v1/doctors/{doctor.id}"))
    assert (changed["fee_minor"], changed["languages"]) == (6250, ["de", "es"])
    assert changed["biography"] == HOSTILE
    # Another tab still has the old version.
    stale = person.send_again("/practice", form | {"fee": "1"})
    assert stale.status == 412
    assert ok(doctor.get(f"/v1/doctors/{doctor.id}"))["fee_minor"] == 6250
    assert HOSTILE in person.open(f"/doctors/{doctor.id}").text()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"fee": ""}, "fee"),
        ({"fee": "free"}, "fee"),
        ({"fee": "-1"}, "fee"),
        ({"fee": "1.005"}, "fee"),
        ({"fee": "NaN"}, "fee"),
        ({"fee": "1e999999999"}, "fee"),
        ({"fee": "99999999999999"}, "fee"),
        ({"photo_url": "http://x.test/1.jpg"}, "photo_url"),
        ({"add_language": "xx"}, "languages"),
    ],
)
def test_practice_that_is_wrong_names_the_field(
    somebody: Surfer, fields: dict[str, str], field: str
) -> None:
    somebody.open("/practice")
    page = somebody.send("/practice", **fields)
    assert page.status == 422
    assert set(page.links(selector=".summary a")) == {f"#{field}"}
    assert page.query(f"#{field}")


# Clocks


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2027-03-28", 23),
        ("Europe/Berlin", "2027-10-31", 25),
        ("America/Havana", "2027-11-07", 25),  # two midnights
        ("America/Santiago", "2027-09-05", 23),  # no midnight
        ("Australia/Lord_Howe", "2027-04-04", 24.5),
        ("UTC", "2027-03-28", 24),
    ],
)
def test_days_are_as_long_as_clocks_make_them(zone: str, day: str, hours: float) -> None:
    length = clocks.length_of(date.fromisoformat(day), ZoneInfo(zone))
    assert length == timedelta(hours=hours)


def test_time_of_day_occurs_once_twice_or_not_at_all() -> None:
    half_past_two = time(2, 30)
    found = [
        clocks.instants(date.fromisoformat(day), half_past_two, BERLIN)
        for day in ("2027-03-27", "2027-03-28", "2027-10-31")
    ]
    assert [len(instants) for instants in found] == [1, 0, 2]
    assert found[2][1] - found[2][0] == timedelta(hours=1)
