"""Chromium, driven by Playwright, which `make browser` installs. Tests are skipped without them."""

from __future__ import annotations

import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from scripts.browser import PROGRAMS
from scripts.extras import environment_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# A document that is refused a style, a script or a connection says so on the console.
SAY_VIOLATIONS = """
    addEventListener("securitypolicyviolation", event =>
        console.error(`refused: ${event.effectiveDirective} ${event.blockedURI}`))
"""


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


class Visit:
    """A tab of the browser, and what it complains about.

    complaints: errors of the console, exceptions of scripts, what the Content-Security-Policy
    refuses, and requests to another host than `url`.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", lambda m: self._complain(m.text, m.type == "error"))
        page.on("pageerror", lambda error: self._complain(str(error)))
        page.on(
            "request", lambda r: self._complain(r.url, not r.url.startswith((url + "/", "data:")))
        )
        page.add_init_script(SAY_VIOLATIONS)

    def _complain(self, text: str, holds: bool = True) -> None:
        if holds:
            self.complaints.append(text)


@contextmanager
def visit(chromium: Browser, url: str) -> Iterator[Visit]:
    """A new tab, without cookies and cache of earlier ones."""
    context = chromium.new_context(viewport={"width": 1100, "height": 720})
    context.set_default_timeout(60_000)
    yield Visit(context.new_page(), url)
    context.close()
