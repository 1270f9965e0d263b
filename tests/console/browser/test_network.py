"""Two browsers at one slot, and networks that lose, stop or delay a booking, in a real Chromium.

LONG=1 has 200 rounds at one slot.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.browser import Visit, visit
from tests.support.client import Client, at, ok
from tests.support.long import LONG
from tests.support.people import People

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

ROUNDS = 200 if LONG else 3


def page_of(tab: Visit, client: Client) -> Page:
    """The page of a tab in which somebody has logged in."""
    tab.log_in(client)
    return tab.page


def slot_address(tab: Visit, slot: dict[str, str]) -> str:
    return f"{tab.url}/doctors/{slot['doctor_id']}/slots/{slot['id']}"


def test_two_browsers_at_one_slot_book_once_and_the_other_is_offered_more(
    chromium: Browser, doctor: Client, new_patient: People
) -> None:
    last = doctor.publish(at(300))
    people = [new_patient(), new_patient()]
    with visit(chromium, doctor.url) as one, visit(chromium, doctor.url) as two:
        pages = [page_of(tab, person) for tab, person in zip((one, two), people, strict=True)]
        for number in range(ROUNDS):
            slot = doctor.publish(at(2) + number * timedelta(minutes=30))
            for page in pages:
                page.goto(slot_address(one, slot))
            for page in pages:  # in the next moment, so that neither waits for the other
                page.evaluate("setTimeout(() => document.querySelector('main form').submit())")
            for page in pages:
                page.wait_for_function("document.querySelector('[role=status], [role=alert]')")
            texts = [page.locator("[role=status], [role=alert]").inner_text() for page in pages]
            assert sorted(texts) == [
                "Somebody else has just taken this time.", "Your consultation is booked.",
            ]  # fmt: skip
            loser = pages[texts.index("Somebody else has just taken this time.")]
            offered = loser.locator(".slots a")
            assert re.search(rf"/{last['id']}$", offered.last.get_attribute("href") or "")
    booked = [ok(person.get("/v1/consultations", limit=200))["items"] for person in people]
    assert sum(map(len, booked)) == ROUNDS


def booked_once(patient: Client, slot: dict[str, str]) -> bool:
    return [row["slot_id"] for row in ok(patient.get("/v1/consultations"))["items"]] == [slot["id"]]


def fail_to_send(page: Page) -> None:
    """Press the button, and see the browser's own page about the connection."""
    page.get_by_role("button", name="Book").click(no_wait_after=True)
    page.wait_for_function("document.title !== 'Book a consultation - Telemedicine'")
    assert "ERR_" in page.content()


def test_booking_whose_answer_is_lost_is_sent_again_and_booked_once(
    tab: Visit, doctor: Client, patient: Client
) -> None:
    slot = doctor.publish()
    page = page_of(tab, patient)
    address = slot_address(tab, slot)
    page.goto(address)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch(max_redirects=0)  # the server has it, the browser hears nothing
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route(address, lose_the_answer)
    fail_to_send(page)
    assert booked_once(patient, slot)
    page.unroute(address)
    page.reload()  # sends the form again
    page.get_by_role("status").get_by_text("is booked").wait_for()
    assert booked_once(patient, slot)


def test_booking_without_a_network_keeps_its_entries(
    tab: Visit, doctor: Client, patient: Client
) -> None:
    slot = doctor.publish()
    page = page_of(tab, patient)
    page.goto(slot_address(tab, slot))
    page.get_by_label("Reason").fill("A rash since Monday")
    page.context.set_offline(True)
    fail_to_send(page)
    page.context.set_offline(False)
    page.reload()
    page.get_by_text("A rash since Monday").wait_for()
    assert booked_once(patient, slot)


def test_slow_network_and_an_impatient_patient_book_once(
    tab: Visit, doctor: Client, patient: Client
) -> None:
    slot = doctor.publish()
    page = page_of(tab, patient)
    page.goto(slot_address(tab, slot))
    slow = {
        "offline": False,
        "latency": 400,
        "downloadThroughput": 50_000,
        "uploadThroughput": 50_000,
    }
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    page.evaluate("for (const n of [1, 2, 3]) document.querySelector('main form button').click()")
    page.get_by_role("status").get_by_text("is booked").wait_for()
    page.reload()
    assert booked_once(patient, slot)
