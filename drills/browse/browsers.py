"""Two browsers: Chromium, and one without scripts and pictures that needs no Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests

from drills.browse.shown import Form, Shown, is_download
from tests.support.browser import Visit, browser, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium

REDIRECTS = (301, 302, 303, 307, 308)
MOST_REDIRECTS = 10
SECONDS = 60
Values = list[tuple[str, str]]


class Browser(Protocol):
    """What a person needs. Each method returns the page that is shown afterwards."""

    def open(self, url: str) -> Shown: ...

    def send(self, form: Form, values: Values) -> Shown: ...

    def complaints(self, shown: Shown, is_new: bool) -> Iterator[str]: ...


class Plain:
    """A browser that reads HTML, keeps cookies and follows redirects within its site."""

    def __init__(self, url: str) -> None:
        self._site = urlsplit(url).netloc
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"Accept": "text/html", "Sec-Fetch-Site": "same-origin"})

    def open(self, url: str) -> Shown:
        return self._show("GET", url)

    def send(self, form: Form, values: Values) -> Shown:
        if form.method == "get":
            return self._show("GET", form.action, params=values)
        return self._show("POST", form.action, data=values)

    def complaints(self, shown: Shown, is_new: bool) -> Iterator[str]:
        yield from map(str, shown.document.errors or [] if is_new else [])

    def _show(self, method: str, url: str, **content: Any) -> Shown:
        for _ in range(MOST_REDIRECTS):
            answer = self._session.request(
                method, url, timeout=SECONDS, allow_redirects=False, **content
            )
            if answer.status_code not in REDIRECTS:
                html = answer.text if "html" in answer.headers.get("Content-Type", "") else ""
                return Shown(answer.status_code, answer.url, html)
            url, method, content = urljoin(url, answer.headers["Location"]), "GET", {}
            if urlsplit(url).netloc != self._site:
                return Shown(answer.status_code, url, "")
        return Shown(508, url, "<p>too many redirects</p>")


class InChromium:
    """A tab of Chromium. New pages are checked with axe-core."""

    def __init__(self, tab: Visit) -> None:
        self._tab = tab
        self._page = tab.page
        self._site = urlsplit(tab.url).netloc
        # Nothing is loaded from other sites; the video of a consultation is one.
        self._page.route(lambda url: urlsplit(url).netloc != self._site, lambda r: r.abort())

    def open(self, url: str) -> Shown:
        if is_download(url):
            answer = self._page.context.request.get(url, timeout=SECONDS * 1000)
            return Shown(answer.status, url, "")
        return self._after(lambda: self._page.goto(url))

    def send(self, form: Form, values: Values) -> Shown:
        """Send the form of the present page, or of one that is not shown any more."""

        def submit() -> Any:
            with self._page.expect_navigation() as navigation:
                self._page.evaluate(SUBMIT, [form.method, form.action, [list(v) for v in values]])
            return navigation.value

        return self._after(submit)

    def complaints(self, shown: Shown, is_new: bool) -> Iterator[str]:
        for complaint in self._tab.complaints:
            # A page with the status of a refusal, and what `route` has aborted.
            if not complaint.startswith("Failed to load resource"):
                yield complaint
        self._tab.complaints.clear()
        if is_new and shown.html:
            from axe_playwright_python.sync_playwright import Axe

            found = Axe().run(self._page).response["violations"]
            yield from (
                f"axe-core: {v['id']}: {node['html']}" for v in found for node in v["nodes"]
            )

    def _after(self, act: Any) -> Shown:
        from playwright.sync_api import Error

        try:
            answer = act()
        except Error as error:
            # Another site, which is not loaded, or a file.
            if "net::ERR_FAILED" in str(error) or "Download is starting" in str(error):
                return Shown(303, "https://elsewhere.test/", "")
            raise
        status = answer.status if answer else 200
        return Shown(status, self._page.url, self._page.content())


# A form that any page may hold: it sends what a form of another tab would send.
SUBMIT = """([method, action, values]) => {
    const form = document.createElement('form')
    form.method = method
    form.action = action
    for (const [name, value] of values) {
        const field = document.createElement('textarea')
        field.name = name
        field.value = value
        form.append(field)
    }
    document.body.append(form)
    HTMLFormElement.prototype.submit.call(form)
}"""


@contextmanager
def chromium_for(url: str, people: int) -> Iterator[list[Browser]]:
    """A tab of Chromium for each person, of one thread. Skips the test if there is none."""
    with browser() as running:
        yield from _tabs(running, url, people, [])


def _tabs(running: Chromium, url: str, people: int, tabs: list[Browser]) -> Iterator[list[Browser]]:
    if len(tabs) == people:
        yield tabs
        return
    with visit(running, url) as tab:
        yield from _tabs(running, url, people, [*tabs, InChromium(tab)])
