"""Pages of the demo clinic, for the pictures of the documentation.

With PICTURES, the pictures are left in that folder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from scripts.run import DEMO_PASSWORD
from scripts.server import Cluster
from tests.support.browser import WIDTH, Visit, visit
from tests.support.client import Client, Contract, at, new_key, ok
from tests.support.demo import demo_server
from tests.support.people import log_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LARGEST = 120_000  # bytes
PHONE = 390
DOCTOR = "019a0000-0000-7000-8000-000000000101"


@dataclass
class Clinic:
    """A server with the demo data, and how to draw its pages."""

    chromium: Browser
    url: str
    contract: Contract
    folder: Path

    def client(self, name: str) -> Client:
        """An account of the demo data, logged in at the API."""
        stranger = Client(self.url, self.contract)
        return log_in(stranger, f"{name}@example.com", DEMO_PASSWORD)

    def tab(self) -> Iterator[Visit]:
        with visit(self.chromium, self.url) as opened:
            yield opened

    def draw(
        self, tab: Visit, name: str, *, height: int = 760, width: int = WIDTH, dark: bool = False
    ) -> None:
        """Leave a picture of the page; height: at most, of what is seen of it."""
        tab.look(status=tab.status, steady=False)
        page = tab.page
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.evaluate("document.activeElement.blur()")
        path = self.folder / f"{name}.png"
        bottom = page.evaluate("document.querySelector('footer').getBoundingClientRect().bottom")
        page.screenshot(
            path=path,
            clip={"x": 0, "y": 0, "width": width, "height": min(height, bottom)},
        )
        assert path.stat().st_size < LARGEST
        page.emulate_media(color_scheme="null")


@pytest.fixture(scope="module")
def clinic(
    chromium: Browser,  # first, so that a machine without it starts no server
    cluster: Cluster,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Clinic]:
    folder = Path(os.environ.get("PICTURES", tmp_path_factory.mktemp("pictures")))
    folder.mkdir(exist_ok=True)
    log = tmp_path_factory.mktemp("demo") / "log"
    database = new_database()
    with demo_server(cluster, database, log) as server:
        for _ in range(3):
            cluster.sql("select ops.seal_audit(2000, '0')", database)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        yield Clinic(chromium, server.url, Contract(document), folder)


@pytest.fixture
def shown(clinic: Clinic) -> Iterator[Visit]:
    """A tab of the demo clinic."""
    yield from clinic.tab()


def test_pictures_of_a_patient(shown: Visit, clinic: Clinic) -> None:
    tab = shown
    tab.open("/")
    clinic.draw(tab, "first-page", height=420)
    tab.log_in(clinic.client("patient"), DEMO_PASSWORD)
    tab.open("/doctors?sort=next_free")
    clinic.draw(tab, "doctors")
    tab.open(f"/doctors/{DOCTOR}/month")
    with tab.page.expect_navigation():
        tab.page.locator("[rel=next]").click()
    clinic.draw(tab, "month", height=900)
    clinic.draw(tab, "month-on-a-phone", height=900, width=PHONE, dark=True)
    with tab.page.expect_navigation():
        tab.page.locator(".month a").last.click()
    with tab.page.expect_navigation():
        tab.page.locator(".slots a").nth(2).click()
    tab.fill(reason="A rash on both arms")
    clinic.draw(tab, "booking", height=620)
    clinic.client("alma.novak").book({"id": tab.path.rpartition("/")[2]})
    tab.press("Book")
    clinic.draw(tab, "taken", height=680)
    with tab.page.expect_navigation():
        tab.page.locator(".slots a").first.click()
    tab.press("Book")
    clinic.draw(tab, "booked", height=620)
    booked = tab.path
    tab.open("/consultations")
    clinic.draw(tab, "consultations", height=620)
    ok(clinic.client("doctor").get(f"/v1{booked}"))
    ok(clinic.client("admin").get(f"/v1{booked}/history"))
    tab.open("/account/access-log")
    clinic.draw(tab, "access-log", height=620)


def test_pictures_of_a_doctor(shown: Visit, clinic: Clinic) -> None:
    tab = shown
    tab.log_in(clinic.client("doctor"), DEMO_PASSWORD)
    tab.follow("Next week")
    clinic.draw(tab, "week", height=900)
    clinic.draw(tab, "week-in-the-dark", dark=True)
    tab.follow("Publish weekly hours")
    # Some of these times are published already.
    tab.fill(first_day=str(at(38).date()), last_day=str(at(47).date()))
    tab.fill(start_time="09:00", end_time="11:00", slot_minutes="30", time_zone="Europe/Berlin")
    for box in tab.page.locator("[name=weekdays]").all():
        box.set_checked(box.get_attribute("value") in ("1", "4"))
    tab.press("Show what would be published")
    clinic.draw(tab, "weekly-hours", height=900)


def test_pictures_of_an_admin(shown: Visit, clinic: Clinic) -> None:
    tab = shown
    tab.log_in(clinic.client("admin"), DEMO_PASSWORD)
    clinic.draw(tab, "figures", height=1000)
    patient = clinic.client("patient")
    booked = ok(patient.get("/v1/consultations", status="scheduled", limit=1))["items"][0]["id"]
    body = {"reason": "I am well again"}
    ok(patient.post(f"/v1/consultations/{booked}/cancel", body, key=new_key()))
    tab.open(f"/admin/changes?table_name=consultations&row_id={booked}")
    clinic.draw(tab, "audit-log", height=960)
    tab.open("/admin/checks")
    clinic.draw(tab, "checks", height=720)
