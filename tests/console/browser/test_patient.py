"""The way of a patient in a real Chromium, from the first page to the receipt."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.server import Cluster
from tests.support.browser import Visit, visit
from tests.support.client import PASSWORD, Client, at, new_key, ok
from tests.support.people import People
from tests.support.server import JITSI, Server, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NEW_PASSWORD = "violet kettle 83 meadow"
PDF = b"%PDF"


def token_of(server: Server, email: str) -> str:
    """The code of the newest message to an address."""
    lines = [json.loads(line) for line in server.output.splitlines() if email in line]
    return str([line["token"] for line in lines if line["event"] == "delivery"][-1])


def test_stranger_signs_up_verifies_the_address_and_gets_a_new_password(
    tab: Visit, server: Server
) -> None:
    for address in ("/", "/log-in", "/log-out", "/reset-password"):
        tab.open(address)
        tab.look()
    tab.open("/nothing")
    tab.look(status=404, steady=False)  # it names the request

    email = "chromia.sign.up@clinic.test"
    tab.open("/sign-up")
    tab.fill(full_name="Chromia Sands", email=email, password="password1234")
    tab.press("Sign up")
    tab.look(status=422)
    assert tab.page.locator("[name=email]").input_value() == email
    tab.fill(password=PASSWORD, time_zone="Europe/Berlin")
    tab.press("Sign up")
    assert tab.heading == "Verify your e-mail address"
    tab.look()
    tab.open("/")
    tab.look()
    assert "clocks in Europe/Berlin" in tab.page.locator("footer").inner_text()

    tab.open("/verify-email")
    tab.press("Send another one")
    tab.look()
    tab.fill(token="a wrong code")
    tab.press("Verify")
    tab.look(status=422)
    tab.fill(token=token_of(server, email))
    tab.press("Verify")
    assert tab.said == "Your e-mail address is verified."
    tab.look()

    tab.open("/log-out")
    tab.press("Log out")
    assert tab.said == "You are logged out."
    tab.open("/log-in")
    tab.fill(email=email, password="not the password")
    tab.press("Log in")
    tab.look(status=401)
    tab.follow("Forgotten your password?")
    tab.look()
    tab.fill(email=email)
    tab.press("Send me a code")
    tab.look()
    tab.open("/reset-password")
    tab.fill(token=token_of(server, email), new_password=NEW_PASSWORD)
    tab.press("Save")
    tab.look()
    tab.fill(email=email, password=NEW_PASSWORD)
    tab.press("Log in")
    assert tab.path == "/"
    assert tab.page.evaluate("document.cookie") == ""  # no script can read the session


def test_patient_books_in_the_month_reschedules_and_cancels(
    tab: Visit, new_doctor: People, patient: Client
) -> None:
    doctor = new_doctor(full_name="Dr. Chromia Clark")
    slots = [doctor.publish(at(40 + n)) for n in range(3)]
    tab.log_in(patient)
    tab.fill(q="chromia")
    tab.press("Find")
    tab.look()
    tab.follow("Dr. Chromia Clark")
    tab.look()
    tab.follow("By month")
    tab.look()
    tab.open(f"{tab.path}?month={at(40):%Y-%m}")
    tab.look()
    with tab.page.expect_navigation():
        tab.page.locator(f".month a[href$='day={at(40):%Y-%m-%d}']").click()
    with tab.page.expect_navigation():
        tab.page.locator(".slots a").first.click()
    assert tab.path == f"/doctors/{doctor.id}/slots/{slots[0]['id']}"
    tab.look()
    tab.fill(reason="A check-up")
    with tab.page.expect_navigation():
        tab.page.get_by_role("button", name="Book").dblclick()
    tab.page.get_by_text("Your consultation is booked.").wait_for()
    tab.look()
    tab.page.go_back()
    tab.page.get_by_text("You have booked this time.").wait_for()
    tab.look()

    tab.follow("My consultations")
    tab.look()
    tab.follow("Dr. Chromia Clark")
    tab.look()
    booking = tab.path
    assert tab.download("Calendar file").startswith(b"BEGIN:VCALENDAR")
    tab.follow("Join the video")
    assert "Use the app of the clinic" in tab.text
    tab.look()
    tab.follow("Back to the consultation")
    tab.follow("Reschedule")
    tab.look()
    tab.follow("By month")
    tab.look()
    tab.open(f"{booking}/reschedule/{slots[1]['id']}")
    tab.look()
    tab.press("Move the consultation")
    assert tab.said == "The consultation has a new time."
    tab.look()
    tab.open(f"{booking}/reschedule/{slots[1]['id']}")
    tab.look()

    tab.follow("Back to the consultation")
    tab.follow("Cancel the consultation")
    tab.look()
    tab.fill(reason="I am well again")
    tab.press("Cancel the consultation")
    assert tab.said == "The consultation is cancelled."
    tab.look()
    tab.page.go_back()
    tab.page.reload()
    assert "cancelled already" in tab.text
    for chosen in ("past", "cancelled"):
        tab.open(f"/consultations?list={chosen}")
        tab.look()
    (booked,) = ok(patient.get("/v1/consultations"))["items"]
    assert (booked["status"], booked["slot_id"]) == ("cancelled", slots[1]["id"])


def test_taken_time_offers_others_and_a_reload_books_nothing(
    tab: Visit, new_doctor: People, patient: Client, new_patient: People
) -> None:
    doctor = new_doctor()
    slot, free = doctor.publish(at(2)), doctor.publish(at(3))
    tab.log_in(patient)
    tab.open(f"/doctors/{doctor.id}/slots/{slot['id']}")
    new_patient().book(slot)
    tab.press("Book")
    assert tab.said == "Somebody else has just taken this time."
    tab.look(status=409)
    assert ok(patient.get("/v1/consultations"))["items"] == []
    with tab.page.expect_navigation():
        tab.page.locator(".slots a").first.click()
    assert tab.path.endswith(free["id"])
    # Another slot at the same time of this patient
    other = new_doctor()
    patient.book(other.publish(at(3)))
    tab.press("Book")
    tab.look(status=409)


class Meeting(BaseHTTPRequestHandler):
    """A page of the video service."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Meeting</title><link rel=icon href=data:,><h1>The meeting</h1>")

    def log_message(self, *_: object) -> None:
        """Nothing: pytest shows what fails."""


@pytest.fixture
def meeting(chromium: Browser) -> Iterator[str]:  # chromium first, to skip without it
    """The address of a video service."""
    site = ThreadingHTTPServer(("127.0.0.1", 0), Meeting)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()


def test_join_leads_to_the_video_under_the_policy_of_the_page(
    chromium: Browser,
    meeting: str,
    cluster: Cluster,
    database: str,
    tmp_path: Path,
    doctor: Client,
    patient: Client,
) -> None:
    booked = patient.book(doctor.publish())
    settings = {"WEB_CONCURRENCY": "1", **JITSI, "JITSI_URL": meeting}
    url = cluster.url(database, "telemed_api")
    with (
        serve(url, tmp_path / "log", **settings) as server,
        visit(chromium, server.url) as tab,
    ):
        tab.log_in(patient)
        tab.open(f"/consultations/{booked['id']}/join")
        tab.look()
        tab.press("Join")
        assert tab.heading == "The meeting"
        # Back, and joined again after a broken connection
        tab.page.go_back()
        tab.page.reload()
        tab.press("Join")
        assert tab.heading == "The meeting"
        # Two requests to another site, and no other complaint
        first, second = tab.complaints
        assert first.split("?")[0] == second.split("?")[0]
        assert first.startswith(f"{meeting}/")


def test_records_are_read_and_printed(
    tab: Visit, doctor: Client, patient: Client, admin: Client
) -> None:
    booked = doctor.complete(patient.book(doctor.publish()))
    path = f"/consultations/{booked['id']}"
    items = [{"drug": "Ibuprofen", "dosage": "400 mg", "duration_days": 5}]
    ok(doctor.post(f"/v1{path}/prescriptions", {"items": items}, key=new_key()), 201)
    tab.log_in(patient)
    tab.open(path)
    tab.follow("Payments")
    assert "No payment is recorded yet." in tab.text
    tab.look()
    paid = admin.pay(booked, 5000)
    body = {"amount_minor": 1000, "reason": "Goodwill"}
    ok(admin.post(f"/v1/payments/{paid['id']}/refunds", body, key=new_key()), 201)
    tab.page.reload()
    assert "refunded in part" in tab.text
    tab.look()
    with tab.page.expect_navigation():
        tab.page.get_by_role("link", name="Receipt, to print").first.click()
    tab.look()
    require_print(tab, "€50.00")
    tab.open(path)
    tab.follow("Prescriptions, to print")
    tab.look()
    require_print(tab, "Ibuprofen")

    ok(doctor.get(f"/v1{path}"))
    tab.open("/account/access-log")
    assert "Dora Doctor" in tab.text
    tab.look(steady=False)  # a reload is in the list, too


def require_print(tab: Visit, text: str) -> None:
    """Assert that the page can be printed: its text without the menu."""
    tab.page.emulate_media(media="print")
    assert text in tab.text
    assert not tab.page.locator("header").is_visible()
    assert not tab.page.locator("main .actions").first.is_visible()
    assert tab.page.pdf().startswith(PDF)
    tab.page.emulate_media(media="screen")


def test_session_that_has_ended_leads_to_the_log_in_and_back(tab: Visit, patient: Client) -> None:
    tab.log_in(patient)
    tab.open("/account/profile")
    ok(patient.get("/v1/me"))
    tab.page.context.clear_cookies()
    tab.fill(full_name="Lost Entry")
    tab.press("Save")
    tab.look(status=403)  # the form has no browser any more
    assert "Nothing was changed" in tab.said
    tab.follow("Open the form again")
    assert tab.path == "/log-in"
    tab.fill(email=patient.email, password=PASSWORD)
    tab.press("Log in")
    assert tab.path == "/account/profile"
    tab.look()
