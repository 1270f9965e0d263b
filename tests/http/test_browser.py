"""The pages in a real Chromium: they work under their policy, and load nothing from elsewhere.

With PICTURE, the test of a booking leaves a picture of the page at that path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from scripts.run import DEMO_PASSWORD
from scripts.server import Cluster
from tests.support.browser import Visit, visit
from tests.support.client import new_key
from tests.support.demo import demo_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Response


@pytest.fixture(scope="module")
def clinic(
    chromium: Browser,  # first, so that a machine without it starts no server
    cluster: Cluster,
    new_database: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a server with the demo data."""
    log = tmp_path_factory.mktemp("browser") / "log"
    with demo_server(cluster, new_database(), log) as server:
        yield server.url


@pytest.fixture
def tab(chromium: Browser, clinic: str) -> Iterator[Visit]:
    with visit(chromium, clinic) as opened:
        yield opened


class Operation:
    """An operation of Swagger UI."""

    def __init__(self, tab: Visit, name: str) -> None:
        self.tab = tab
        self.block = tab.page.locator(f"[id^='operations-'][id$='-{name}']")
        self.block.locator(".opblock-summary-control").click()
        for example in self.block.locator("tr[data-param-name] input[type=text]").all():
            example.fill("")

    def fill(self, parameter: str, value: str) -> None:
        row = self.block.locator(f"tr[data-param-name='{parameter}']")
        row.locator("input").fill(value)

    def body(self, **fields: str) -> None:
        self.block.locator("textarea.body-param__text").fill(json.dumps(fields, indent=2))

    def execute(self) -> Response:
        """Press Execute. The answer that arrives is the one that the page shows."""
        with self.tab.page.expect_response(lambda r: "/v1/" in r.url) as answer:
            self.block.locator("button.execute").click()
        shown = self.answer.locator(".response-col_status").first
        shown.get_by_text(str(answer.value.status)).wait_for()
        return answer.value

    @property
    def answer(self) -> Locator:
        return self.block.locator(".live-responses-table tbody .response")

    @property
    def headers(self) -> Locator:
        return self.answer.locator("pre", has_text="content-type:")


def authorise(tab: Visit, token: str) -> None:
    page = tab.page
    page.locator("button.authorize").first.click()
    dialog = page.locator(".dialog-ux")
    dialog.locator("input").fill(token)
    dialog.locator("button.authorize").click()
    dialog.locator("button.btn-done").click()


def test_patient_books_in_the_documentation_and_a_retry_is_a_replay(tab: Visit) -> None:
    tab.page.goto(tab.url + "/docs")

    log_in = Operation(tab, "log_in")
    log_in.body(email="patient@example.com", password=DEMO_PASSWORD)
    answer = log_in.execute()
    assert answer.status == 200
    authorise(tab, answer.json()["access_token"])

    search = Operation(tab, "find_open_slots")
    search.fill("specialty", "cardiology")
    search.fill("limit", "200")
    answer = search.execute()
    assert answer.status == 200
    # The last one: the demo patient has no consultation at that time.
    slot = answer.json()["items"][-1]

    booking = Operation(tab, "book_consultation")
    booking.fill("Idempotency-Key", new_key())
    booking.body(slot_id=slot["id"], reason="A check-up")
    first = booking.execute()
    assert first.status == 201
    assert "idempotency-replayed" not in booking.headers.inner_text()
    again = booking.execute()
    assert again.status == 201
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["slot_id"] == slot["id"]
    booking.headers.get_by_text("idempotency-replayed: true").wait_for()
    assert first.json()["id"] in booking.answer.inner_text()

    if path := os.environ.get("PICTURE"):
        booking.answer.scroll_into_view_if_needed()
        box = booking.headers.bounding_box()
        assert box
        below = box["y"] + box["height"] + 10  # without the duration on a busy machine
        tab.page.screenshot(path=path, clip={"x": 0, "y": 0, "width": 1100, "height": below})
    assert tab.complaints == []


def test_reference_shows_every_operation(tab: Visit) -> None:
    document: dict[str, Any] = tab.page.request.get(tab.url + "/openapi.json").json()
    summaries = [
        operation["summary"]
        for operations in document["paths"].values()
        for method, operation in operations.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    tab.page.goto(tab.url + "/reference")
    tab.page.get_by_role("heading", name=document["info"]["title"]).first.wait_for()
    tab.page.locator("h2", has_text=summaries[-1]).first.wait_for()
    headings = {text.strip() for text in tab.page.locator("h2").all_inner_texts()}
    assert {summary for summary in summaries if summary not in headings} == set()
    assert tab.complaints == []


def test_page_of_a_problem_is_shown(tab: Visit) -> None:
    tab.page.goto(tab.url + "/problems")
    tab.page.get_by_role("link", name="TM901").click()
    tab.page.get_by_role("heading", name="Problem TM901").wait_for()
    assert tab.page.url == tab.url + "/problems/TM901"
    assert "alternatives" in tab.page.locator("main").inner_text()
    assert tab.complaints == []


@pytest.mark.parametrize("path", ["/docs", "/reference", "/problems/TM901"])
@pytest.mark.parametrize(
    ("attack", "refused"),
    [
        ("document.body.append(Object.assign(document.createElement('script'),"
         " {text: 'window.attacked = true'}))", "script-src-elem inline"),
        ("document.body.append(Object.assign(document.createElement('img'),"
         " {src: 'http://attacker.test/x.png'}))", "img-src http://attacker.test"),
        ("fetch('http://attacker.test/').catch(() => {})", "connect-src http://attacker.test"),
    ],
)  # fmt: skip
def test_policy_refuses_what_an_attacker_would_add(
    tab: Visit, path: str, attack: str, refused: str
) -> None:
    tab.page.goto(tab.url + path)
    tab.page.wait_for_load_state("networkidle")
    tab.complaints.clear()
    with tab.page.expect_console_message(lambda m: f"refused: {refused}" in m.text):
        tab.page.evaluate(f"() => {{ {attack} }}")
    assert tab.page.evaluate("window.attacked") is None
    assert tab.complaints
