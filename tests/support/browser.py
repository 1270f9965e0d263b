"""Chromium, driven by Playwright, which `make browser` installs. Tests are skipped without them.

A test goes from page to page with a Visit, and looks at each page:

    tab.log_in(patient)
    tab.follow("Account")
    tab.look()
"""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from scripts.browser import PROGRAMS
from scripts.extras import environment_of
from tests.support.client import PASSWORD, Client

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

# A document that is refused a style, a script or a connection says so on the console.
SAY_VIOLATIONS = """
    addEventListener("securitypolicyviolation", event =>
        console.error(`refused: ${event.effectiveDirective} ${event.blockedURI}`))
"""
WIDTH, HEIGHT = 1100, 720
NARROW = 320  # CSS pixels
# The paths that tests of this process have looked at, and those of files that a browser has got.
SEEN: set[str] = set()


@contextmanager
def browser() -> Iterator[Browser]:
    """A running Chromium. Skips the test if it or Playwright is missing."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        pytest.skip("there is no Chromium: `make browser` installs it")
    folder = str(environment_of("browser"))
    sys.path.append(sysconfig.get_path("purelib", vars={"base": folder}))
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("there is no Playwright: `make browser` installs it")
    with sync_playwright() as playwright:
        # Root, as in a container, cannot use the sandbox.
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of one module, because Playwright's event loop would disturb the tests of others."""
    with browser() as running:
        yield running


@pytest.fixture
def tab(chromium: Browser, stranger: Client) -> Iterator[Visit]:
    """A tab of a new browser, at the server that most tests share."""
    with visit(chromium, stranger.url) as opened:
        yield opened


class Visit:
    """A tab of the browser, and what it complains about.

    complaints: errors of the console, exceptions of scripts, what the Content-Security-Policy
    refuses, and requests to another host than `url`. status: of the present page.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.status = 0
        self.complaints: list[str] = []
        self._pages: set[str] = set()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on(
            "request", lambda r: self._complain(r.url, not r.url.startswith((url + "/", "data:")))
        )
        page.on("response", self._receive)
        page.add_init_script(SAY_VIOLATIONS)

    def _hear(self, message: ConsoleMessage) -> None:
        # Chromium reports a page with a status from 400 on; `look` knows which one is expected.
        is_status = "the server responded with a status of" in message.text
        is_page = message.location["url"] in self._pages
        self._complain(message.text, message.type == "error" and not (is_status and is_page))

    def _complain(self, text: str, holds: bool = True) -> None:
        if holds:
            self.complaints.append(text)

    def _receive(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._pages.add(response.url)
            self.status = response.status
        elif response.ok and response.url.startswith(self.url):
            SEEN.add(urlsplit(response.url).path)  # a style or an image

    # Steps. Each ends when the next page has arrived.

    def open(self, address: str) -> None:
        self.page.goto(self.url + address)

    def follow(self, text: str) -> None:
        """Follow the first link with this text: in the page, else in the menu."""
        for part in ("main", "header"):
            links = self.page.locator(part).get_by_role("link", name=text, exact=True)
            if links.count():
                with self.page.expect_navigation():
                    links.first.click()
                return
        raise AssertionError(f"{self.page.url} has no link {text}")

    def fill(self, **fields: str) -> None:
        """Fill fields of the page, by their names. Options of a list are chosen by their values."""
        for name, value in fields.items():
            field = self.page.locator(f"main [name='{name}']").last
            if field.evaluate("field => field.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)

    def press(self, text: str) -> None:
        """Press a button of the page."""
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("button", name=text, exact=True).first.click()

    def download(self, text: str) -> bytes:
        """The file that a link leads to."""
        with self.page.expect_download() as found:
            self.page.locator("main").get_by_role("link", name=text, exact=True).first.click()
        SEEN.add(urlsplit(found.value.url).path)
        return found.value.path().read_bytes()

    def log_in(self, client: Client, password: str = PASSWORD) -> None:
        self.open("/log-in")
        self.fill(email=client.email, password=password)
        self.press("Log in")
        assert self.status == 200, self.heading

    # What a page must have.

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    @property
    def said(self) -> str:
        """What the page says first: what was done, or why not."""
        return self.page.locator("main [role=status], main [role=alert]").first.inner_text()

    def look(self, *, status: int = 200, steady: bool = True) -> None:
        """Assert that the present page is good.

        It is accessible, in light and dark colours, fits a small screen, and the browser complains
        about nothing. steady: a reload, which sends a form again, shows the same.
        """
        page = self.page
        assert self.status == status, (page.url, self.text)
        page.evaluate(_axe().axe_script)
        assert self._violations() == [], page.url
        page.emulate_media(color_scheme="dark")
        assert self._violations("color-contrast") == [], page.url
        page.emulate_media(color_scheme="null")
        page.set_viewport_size({"width": NARROW, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW, page.url
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        if steady:
            before = self.text
            page.reload()
            assert (self.status, self.text) == (status, before), page.url
        assert self.complaints == []
        SEEN.add(self.path)

    def _violations(self, *rules: str) -> list[str]:
        """Where the present page violates these rules of axe-core, or any rule."""
        options: dict[str, object] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = {"type": "rule", "values": rules}
        found = self.page.evaluate("options => axe.run(options)", options)["violations"]
        return [f"{v['id']}: {node['html']}" for v in found for node in v["nodes"]]


def _axe() -> Any:
    from axe_playwright_python.sync_playwright import Axe

    return Axe()


@contextmanager
def visit(chromium: Browser, url: str) -> Iterator[Visit]:
    """A new tab, without cookies and cache of earlier ones."""
    context = chromium.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(60_000)
    yield Visit(context.new_page(), url)
    context.close()
