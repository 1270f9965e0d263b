"""The way of a doctor in a real Chromium: calendar, hours, time off, treatment, practice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.browser import Visit, visit
from tests.support.client import Client, at, ok
from tests.support.people import People

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def day(days: int) -> str:
    return at(days).date().isoformat()


def test_doctor_publishes_withdraws_and_takes_time_off(
    tab: Visit, new_doctor: People, patient: Client
) -> None:
    doctor = new_doctor()
    ok(doctor.patch("/v1/me", {"time_zone": "UTC"}))
    tab.log_in(doctor)
    assert tab.heading == "Calendar"
    tab.look()
    tab.follow("Publish weekly hours")
    tab.look()
    tab.fill(first_day=day(8), last_day=day(7), start_time="09:00", end_time="11:00")
    tab.fill(slot_minutes="30", time_zone="UTC")
    for box in tab.page.locator("[name=weekdays]").all():
        box.check()
    tab.press("Show what would be published")
    tab.look(status=422)
    tab.fill(last_day=day(8))
    tab.press("Show what would be published")
    assert "4 times would be published" in tab.text
    tab.look()
    assert ok(doctor.get(f"/v1/doctors/{doctor.id}/slots"))["items"] == []
    tab.press("Publish 4 times")
    assert tab.said == "Your times are published."
    tab.look()
    tab.page.go_back()
    tab.page.reload()
    assert "nothing new to publish" in tab.text
    tab.look()

    slots = ok(doctor.get(f"/v1/doctors/{doctor.id}/slots"))["items"]
    assert len(slots) == 4
    booked = patient.book(slots[0], reason="A rash since Monday")
    for view in ("", "&view=day"):
        tab.open(f"/schedule?day={day(8)}{view}")
        assert "Pat Patient" in tab.text
        tab.look()
    assert "A rash since Monday" in tab.text
    tab.follow("Withdraw")
    tab.look()
    tab.press("Withdraw")
    assert tab.said == "The time is not offered any more."
    tab.look()
    tab.page.go_back()
    tab.page.reload()
    assert "withdrawn already" in tab.text

    tab.open(f"/schedule/slots/new?day={day(8)}")
    tab.look()
    tab.fill(start_time="09:15", minutes="30")
    tab.press("Publish")
    tab.look(status=409)
    tab.fill(start_time="13:00")
    tab.press("Publish")
    assert tab.said == "Your time is published."
    tab.look()

    tab.follow("Time off")
    tab.look()
    tab.follow("Take time off")
    tab.look()
    tab.fill(first_day=day(8), last_day=day(7))
    tab.press("Show what it concerns")
    tab.look(status=422)
    tab.fill(last_day=day(8))
    tab.press("Show what it concerns")
    assert "3 free times are withdrawn." in tab.text
    assert "Pat Patient" in tab.text
    tab.look()
    tab.fill(reason="Holiday")
    tab.press("Take this time off")
    assert tab.said == "Your time off is entered."
    tab.look()
    tab.open(f"/schedule?day={day(8)}")
    tab.look()
    tab.open("/time-off")
    tab.follow("Remove")
    tab.look()
    tab.press("Remove the time off")
    assert tab.said == "The time off is removed."
    tab.look()
    kept = ok(patient.get(f"/v1/consultations/{booked['id']}"))
    assert kept["status"] == "scheduled"


def test_doctor_completes_and_prescribes_and_the_patient_prints(
    tab: Visit, chromium: Browser, doctor: Client, patient: Client
) -> None:
    booked = patient.book(doctor.publish(), reason="A cough")
    path = f"/consultations/{booked['id']}"
    tab.log_in(doctor)
    for address in ("/consultations", path, f"{path}/join", f"{path}/prescribe"):
        tab.open(address)
        tab.look()
    tab.open(f"{path}/complete")
    tab.look()
    tab.fill(notes="Rest for three days")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Complete the consultation").dblclick()
    tab.page.get_by_text("The consultation is completed.").wait_for()
    tab.look()
    tab.follow("Prescribe")
    tab.look()
    tab.press("Continue")
    tab.look(status=422)
    tab.fill(drug_1="Ibuprofen", dosage_1="400 mg", duration_days_1="5")
    tab.press("Add another medicine")
    tab.look()
    tab.fill(drug_2="Paracetamol", dosage_2="500 mg", notes="With water")
    tab.press("Continue")
    assert tab.heading == "Issue this prescription?"
    tab.look()  # a reload in the middle keeps the medicines
    tab.press("Change it")
    assert tab.page.locator("[name=drug_2]").input_value() == "Paracetamol"
    tab.look()
    tab.fill(dosage_2="1 g")
    tab.press("Continue")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Issue the prescription").dblclick()
    tab.page.get_by_text("The prescription is issued.").wait_for()
    tab.look()
    (issued,) = ok(doctor.get(f"/v1{path}/prescriptions"))["items"]
    assert [item["dosage"] for item in issued["items"]] == ["400 mg", "1 g"]

    with visit(chromium, tab.url) as other:
        other.log_in(patient)
        other.open(path)
        assert "Rest for three days" in other.text
        other.follow("Prescriptions, to print")
        other.look()
        assert other.page.pdf().startswith(b"%PDF")


def test_doctor_changes_the_practice(tab: Visit, new_doctor: People) -> None:
    doctor = new_doctor(languages=["de"])
    tab.log_in(doctor)
    tab.follow("My practice")
    tab.look()
    tab.fill(fee="free", biography="Skin, hair and nails.")
    tab.press("Save")
    tab.look(status=422)
    assert tab.page.locator("[name=biography]").input_value() == "Skin, hair and nails."
    tab.fill(fee="62.50", add_language="es")
    tab.press("Save")
    assert tab.said == "Your practice is saved."
    tab.look()
    tab.follow("Look at it")
    assert "Skin, hair and nails." in tab.text
    tab.look()
    tab.open("/account")
    tab.look()
    assert ok(doctor.get(f"/v1/doctors/{doctor.id}"))["fee_minor"] == 6250
