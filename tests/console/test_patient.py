"""A patient at the console, with JavaScript off: find, book, read, reschedule, cancel."""

from __future__ import annotations

import requests

from tests.support.client import PASSWORD, Client, at, new_key, ok, race
from tests.support.pages import Surfer
from tests.support.people import People


def surfer(client: Client) -> Surfer:
    """A browser in which the owner of an account is logged in."""
    person = Surfer(client.url)
    assert person.log_in(client.email, PASSWORD).status == 200
    return person


def slot_page(slot: dict[str, str]) -> str:
    return f"/doctors/{slot['doctor_id']}/slots/{slot['id']}"


def bookings(patient: Client) -> list[dict[str, str]]:
    items: list[dict[str, str]] = ok(patient.get("/v1/consultations"))["items"]
    return items


def test_stranger_is_led_to_the_log_in_and_back(new_doctor: People, new_patient: People) -> None:
    doctor, patient = new_doctor(full_name="Dr. Findable Ferrol"), new_patient()
    person = Surfer(doctor.url)
    person.open("/")
    person.send("/doctors", q="findable")
    page = person.open("/doctors?q=findable")
    assert page.url.startswith(doctor.url + "/log-in?next=")
    refused = person.send("/log-in", email=patient.email, password="not the password")
    assert refused.status == 401
    assert "is wrong" in refused.text("[role=alert]")
    found = person.send("/log-in", email=patient.email, password=PASSWORD)
    assert found.url == doctor.url + "/doctors?q=findable"
    assert found.links("Dr. Findable Ferrol") == [f"/doctors/{doctor.id}"]


def test_patient_finds_books_and_cancels(new_doctor: People, patient: Client) -> None:
    doctor = new_doctor(full_name="Dr. Journey Jansen", specialty="Neurology", languages=["es"])
    slot = doctor.publish(at(2))
    doctor.publish(at(3))
    person = surfer(patient)
    person.open("/doctors")
    found = person.open("/doctors?q=journey&specialty=neurology&language=es&sort=next_free")
    assert "Neurology · €50.00 · Speaks: Spanish" in found.text("article")
    person.follow("Dr. Journey Jansen")
    assert len(person.page.query("section")) == 2  # a day each
    assert person.page.links(selector=".slots a")[0] == slot_page(slot)
    person.open(slot_page(slot))
    booked = person.send(slot_page(slot), reason="A rash\nand a cough")
    assert booked.text("[role=status]") == "Your consultation is booked."
    (booking,) = bookings(patient)
    assert (booking["slot_id"], booking["reason"]) == (slot["id"], "A rash\nand a cough")

    person.follow("My consultations")
    assert person.page.text("article h2") == "Dr. Journey Jansen"
    person.follow("Dr. Journey Jansen")
    calendar = person.session.get(patient.url + person.page.links("Calendar file")[0], timeout=60)
    assert calendar.headers["Content-Type"].startswith("text/calendar")
    assert "BEGIN:VEVENT" in calendar.text
    person.follow("Cancel the consultation")
    assert bookings(patient)[0]["status"] == "scheduled"  # it asks first
    cancelled = person.send(f"/consultations/{booking['id']}/cancel", reason="Healthy again")
    assert cancelled.text("[role=status]") == "The consultation is cancelled."
    assert bookings(patient)[0]["cancellation_reason"] == "Healthy again"
    assert "No consultation is planned." in person.open("/consultations").text()
    assert person.open("/consultations?list=cancelled").links("Dr. Journey Jansen")
    assert "already" in person.open(f"/consultations/{booking['id']}/cancel").text()


def test_form_that_is_sent_again_books_once(doctor: Client, patient: Client) -> None:
    slot = doctor.publish()
    person = surfer(patient)
    form = person.open(slot_page(slot)).form(slot_page(slot)) | {"reason": "Once"}
    first = person.send_again(slot_page(slot), form)
    # A double click: two requests at once, with the cookies of the browser.
    send = {"url": patient.url + slot_page(slot), "data": form, "timeout": 60}
    more = {"cookies": person.session.cookies.get_dict(), "headers": dict(person.session.headers)}
    answers = race([lambda: requests.post(**send, **more, allow_redirects=False)] * 2)
    assert [a.status_code for a in answers] == [303, 303]
    assert {patient.url + a.headers["Location"] for a in answers} == {first.url}
    assert len(bookings(patient)) == 1
    # Back to the page, which is read again.
    again = person.open(slot_page(slot))
    assert "You have booked this time." in again.text()
    assert not again.query("main form")


def test_taken_slot_is_answered_with_the_free_ones(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    slot, later = doctor.publish(at(2, 9)), doctor.publish(at(2, 11))
    person = surfer(patient)
    person.open(slot_page(slot))
    new_patient().book(slot)
    taken = person.send(slot_page(slot), reason="Mine")
    assert taken.status == 409
    assert taken.text("[role=alert]") == "Somebody else has just taken this time."
    assert taken.links(selector=".slots a") == [slot_page(later)]
    assert "UTC+00:00" in taken.text(".slots a")
    person.open(slot_page(later))
    assert person.send(slot_page(later)).status == 200
    assert [b["slot_id"] for b in bookings(patient)] == [later["id"]]
    # Now nothing is left, and the page still leads on.
    none = person.open(slot_page(slot))
    assert none.status == 404
    assert none.links("Find another doctor")


def test_consultation_moves_to_another_slot(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    booked = patient.book(doctor.publish(at(2, 9)))
    taken, free = doctor.publish(at(2, 10)), doctor.publish(at(2, 11))
    person = surfer(patient)
    person.open(f"/consultations/{booked['id']}")
    page = person.follow("Reschedule")
    address = f"/consultations/{booked['id']}/reschedule/"
    assert page.links(selector=".slots a") == [address + taken["id"], address + free["id"]]
    person.open(address + taken["id"])
    new_patient().book(taken)
    refused = person.send(address + taken["id"])
    assert refused.status == 409
    assert refused.links(selector=".slots a") == [address + free["id"]]
    person.open(address + free["id"])
    moved = person.send(address + free["id"])
    assert moved.text("[role=status]") == "The consultation has a new time."
    assert [item.to_text().split(",")[0] for item in moved.query("ol li")] == [
        "Booked", "Rescheduled",
    ]  # fmt: skip
    assert [b["slot_id"] for b in bookings(patient)] == [free["id"]]


def test_slots_and_consultations_have_pages(doctor: Client, patient: Client) -> None:
    body = {
        "from": at(5).date().isoformat(), "to": at(8).date().isoformat(),
        "weekdays": [1, 2, 3, 4, 5, 6, 7], "start_time": "08:00", "end_time": "14:00",
        "slot_minutes": 30,
    }  # fmt: skip
    slots = ok(doctor.post("/v1/slots/recurring", body), 201)["items"]
    assert len(slots) == 48
    person = surfer(patient)
    first = person.open(f"/doctors/{doctor.id}")
    assert len(first.links(selector=".slots a")) == 40
    second = person.follow("Later times")
    assert len(second.links(selector=".slots a")) == 8
    assert not second.links("Later times")
    assert person.follow("First page").links(selector=".slots a") == first.links(
        selector=".slots a"
    )
    from_day = person.open(f"/doctors/{doctor.id}?day={at(8).date().isoformat()}")
    assert len(from_day.links(selector=".slots a")) == 12
    assert "no free time" in person.open(f"/doctors/{doctor.id}?day=2999-01-01").text()

    for slot in slots[:21]:
        patient.book(slot)
    assert len(person.open("/consultations").query("article")) == 20
    assert len(person.follow("Next page").query("article")) == 1
    assert "past consultation" in person.open("/consultations?list=past").text()


def test_completed_consultation_shows_notes_and_prescriptions_to_print(
    doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish())
    body = {"notes": "Rest & tea <3"}
    ok(doctor.post(f"/v1/consultations/{booked['id']}/complete", body))
    medicine = {"drug": "Ibuprofen", "dosage": "400 mg", "duration_days": 1}
    path = f"/v1/consultations/{booked['id']}/prescriptions"
    ok(doctor.post(path, {"items": [medicine]}, key=new_key()), 201)
    person = surfer(patient)
    assert person.open(f"/consultations/{booked['id']}").text(".text") == "Rest & tea <3"
    printed = person.follow("Prescriptions, to print")
    assert printed.text("article li").split(",")[1:] == [" 400 mg", " 1 day"]


def test_doctor_and_admin_read_and_are_offered_no_booking(
    doctor: Client, patient: Client, admin: Client
) -> None:
    booked = patient.book(doctor.publish())
    free = doctor.publish(at(2))
    for reader, name in ((doctor, "Pat Patient"), (admin, "Pat Patient with Dora Doctor")):
        person = surfer(reader)
        assert name in person.open("/consultations").text()
        page = person.open(f"/consultations/{booked['id']}")
        assert page.heading == f"Consultation: {name}"
        assert not page.links("Reschedule")
        assert not person.open(slot_page(free)).query("main form")
        assert "cannot be moved" in person.open(f"/consultations/{booked['id']}/reschedule").text()


def test_consultation_of_another_patient_is_not_found(
    doctor: Client, patient: Client, new_patient: People
) -> None:
    booked = patient.book(doctor.publish())
    person = surfer(new_patient())
    for end in ("", "/cancel", "/reschedule", "/prescriptions", ".ics"):
        page = person.open(f"/consultations/{booked['id']}{end}")
        assert page.status == 404
        assert "no such consultation" in page.text("[role=alert]")


def test_first_page_has_the_next_consultations_of_a_patient(
    doctor: Client, patient: Client
) -> None:
    person = surfer(patient)
    assert not person.open("/").query("main h3")
    slots = [doctor.publish(at(day)) for day in (5, 2, 3, 4)]
    booked = [patient.book(slot) for slot in slots]
    first = person.open("/").links(selector="main .card a")
    assert first == [f"/consultations/{booked[n]['id']}" for n in (1, 2, 3)]
