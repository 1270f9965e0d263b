"""The account in a real Chromium: what a patient changes, downloads and ends."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.console.browser.test_patient import NEW_PASSWORD, token_of
from tests.support.browser import Visit, visit
from tests.support.client import PASSWORD, Client, ok
from tests.support.second_factor import Authenticator, now_step
from tests.support.server import Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def test_profile_preferences_and_notifications_are_changed(tab: Visit, patient: Client) -> None:
    tab.log_in(patient)
    tab.follow("Account")
    tab.look()
    tab.follow("Notifications")
    tab.look()
    tab.open("/account/profile")
    tab.look()
    tab.fill(phone="call me", full_name="Zoë O’Neill")
    tab.press("Save")
    tab.look(status=422)
    assert tab.page.locator("[name=full_name]").input_value() == "Zoë O’Neill"
    tab.fill(phone="+49 30 901820", date_of_birth="1980-02-29")
    tab.press("Save")
    assert tab.said == "Your profile is saved."
    tab.look()

    tab.follow("Notifications")
    box = tab.page.get_by_role("group", name="A payment or a refund is recorded")
    box.get_by_label("by SMS").check()
    tab.press("Save")
    tab.look()
    stored = {row["kind"]: row for row in ok(patient.get("/v1/me/notifications"))["items"]}
    assert stored["payment"]["by_sms"]

    tab.open("/preferences")
    tab.look()
    tab.fill(language="es", time_zone="America/Bogota")
    tab.press("Save")
    tab.look()
    assert tab.page.locator("html").get_attribute("lang") == "es"
    for address in ("/", "/account", "/account/notifications"):
        tab.open(address)
        tab.look()
    profile = ok(patient.get("/v1/me"))
    assert (profile["full_name"], profile["phone"]) == ("Zoë O’Neill", "+49 30 901820")
    assert (profile["language"], profile["time_zone"]) == ("es", "America/Bogota")


def test_second_factor_is_set_up_used_and_removed(
    tab: Visit, chromium: Browser, patient: Client
) -> None:
    tab.log_in(patient)
    tab.open("/account/second-factor")
    tab.look()
    tab.press("Set up a second factor")
    tab.look(steady=False)  # a reload begins again, with another secret
    assert tab.page.locator(".qr svg").is_visible()
    secret = tab.page.locator("main code").inner_text().replace(" ", "")
    authenticator = Authenticator(secret)
    tab.fill(otp=authenticator.wrong())
    tab.press("Confirm")
    tab.look(status=401)
    while tab.path.endswith("/confirm"):  # until the time step stays the same
        step = now_step() - 1
        tab.fill(otp=authenticator.at(step))
        tab.press("Confirm")
        assert tab.status == 200 or step != now_step() - 1
    codes = tab.page.locator(".codes li").all_inner_texts()
    assert len(codes) == 10
    tab.look(steady=False)  # they are shown once
    tab.page.reload()
    assert codes[0] not in tab.text
    tab.look()
    tab.open("/account/second-factor/confirm")
    tab.look()
    tab.open("/account/second-factor")
    tab.look()

    with visit(chromium, tab.url) as other:
        other.open("/log-in")
        other.fill(email=patient.email, password=PASSWORD)
        other.press("Log in")
        other.look(status=401)
        other.fill(password=PASSWORD, otp=authenticator.fresh())
        other.press("Log in")
        assert other.path == "/"
        other.look()

    tab.open("/account/second-factor/remove")
    tab.look()
    tab.fill(otp=codes[1])
    tab.press("Remove the second factor")
    assert tab.said == "The second factor is removed."
    tab.look()
    assert ok(patient.get("/v1/me"))["mfa_confirmed_at"] is None


def test_password_address_and_sessions_are_changed(
    tab: Visit, chromium: Browser, patient: Client, server: Server
) -> None:
    tab.log_in(patient)
    with visit(chromium, tab.url) as other:
        other.log_in(patient)
        tab.open("/account/sessions")
        tab.look(steady=False)  # a session was used now
        sessions = ok(patient.get("/v1/me/sessions"))["items"]
        newest = max(sessions, key=lambda session: session["created_at"])["id"]
        tab.open(f"/account/sessions/{newest}")  # the address of the form
        tab.look(steady=False)
        with tab.page.expect_navigation():
            tab.page.locator(f"form[action$='{newest}'] button").click()
        assert tab.said == "The session has ended."
        tab.look(steady=False)
        other.open("/account")
        assert other.path == "/log-in"

    tab.open("/account/password")
    tab.look()
    tab.fill(current_password="not the password", new_password=NEW_PASSWORD)
    tab.press("Change the password")
    tab.look(status=422)
    tab.fill(current_password=PASSWORD, new_password=NEW_PASSWORD)
    tab.press("Change the password")
    tab.look()
    tab.open("/account/email")
    tab.look()
    new = f"new-{patient.email}"
    tab.fill(email=new, password=NEW_PASSWORD)
    tab.press("Send me a code")
    tab.look()
    tab.fill(token=token_of(server, new))
    tab.press("Verify")
    assert tab.said == "Your e-mail address is verified."
    tab.look()
    tab.open("/account")
    assert new in tab.text


def test_private_calendar_is_shown_once_and_revoked(tab: Visit, patient: Client) -> None:
    tab.log_in(patient)
    tab.open("/account/calendar")
    tab.look()
    tab.press("Make a new address")
    shown = tab.page.locator("main code").inner_text()
    address = tab.url + urlsplit(shown).path  # of this server, whatever PUBLIC_URL is
    assert tab.page.request.get(address).body().startswith(b"BEGIN:VCALENDAR")
    tab.look(steady=False)
    tab.page.reload()
    assert shown not in tab.text
    tab.follow("End the address")
    tab.look()
    tab.press("End the address")
    assert tab.said == "The address of your calendar has ended."
    tab.look()
    assert tab.page.request.get(address).status == 404


def test_account_is_downloaded_and_closed(tab: Visit, doctor: Client, patient: Client) -> None:
    booked = patient.book(doctor.publish())
    tab.log_in(patient)
    tab.open("/account")
    data = json.loads(tab.download("Download all my data"))
    assert booked["id"] in json.dumps(data)
    tab.follow("Close the account")
    tab.look()
    tab.fill(password="not the password")
    tab.press("Close the account")
    tab.look(status=422)
    tab.fill(password=PASSWORD)
    tab.press("Close the account")
    assert re.search(r"closed, and you are logged out", tab.said)
    tab.look()
    tab.fill(email=patient.email, password=PASSWORD)
    tab.press("Log in")
    assert tab.status in (401, 403)
    assert ok(doctor.get(f"/v1/consultations/{booked['id']}"))["status"] == "cancelled"
