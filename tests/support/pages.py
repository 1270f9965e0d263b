"""A browser without JavaScript: it keeps cookies, follows links and sends forms.

Each page that it opens is checked: its HTML is well-formed, its headers are strict, each id occurs
once, each field has a label, each time names its zone, and it shows none of the visitor's tokens.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import requests
from justhtml import JustHTML

TOKENS = ("telemed_access", "telemed_refresh", "telemed_form")
POLICY = (
    "default-src 'self'; script-src 'none'; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
FIELDS = "input:not([type=hidden]), select, textarea"


class Page:
    """A page: its status, its address, its elements."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.url = answer.url
        self.document = JustHTML(answer.text, sanitize=False, collect_errors=True)

    def query(self, selector: str) -> list[Any]:
        """The elements that a CSS selector selects."""
        return list(self.document.query(selector))

    @property
    def heading(self) -> str:
        return self.text("h1")

    def text(self, selector: str = "main") -> str:
        """The text of the first element, with single spaces."""
        return " ".join(self.query(selector)[0].to_text().split())

    def links(self, text: str = "", selector: str = "a") -> list[str]:
        """The addresses of the links with this text, or of all links."""
        return [
            a.attrs["href"]
            for a in self.query(selector)
            if not text or " ".join(a.to_text().split()) == text
        ]

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form that is sent to an address, as the page has filled them."""
        (form,) = [form for form in self.query("form") if form.attrs["action"] == action]
        values = {}
        for field in form.query("input, textarea"):
            if field.attrs.get("type") == "checkbox" and "checked" not in field.attrs:
                continue
            text = field.to_text() if field.name == "textarea" else field.attrs.get("value", "")
            values[field.attrs["name"]] = text or ""
        for field in form.query("select"):
            chosen = [o for o in field.query("option") if "selected" in o.attrs]
            option = (chosen or field.query("option"))[0]
            values[field.attrs["name"]] = option.attrs.get("value", option.to_text())
        return values


class Surfer:
    """A person with a browser without JavaScript."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers.update({"Accept": "text/html", "Sec-Fetch-Site": "same-origin"})
        self.page: Page
        self.policies = {POLICY}  # one of which each page has

    def cookie(self, name: str) -> str:
        return self.session.cookies.get(name) or ""

    def open(self, address: str) -> Page:
        """Open an address or a link of the present page."""
        return self._show(self.session.get(self._absolute(address), timeout=60))

    def follow(self, text: str) -> Page:
        """Open the first link with this text."""
        return self.open(self.page.links(text)[0])

    def send(self, action: str, **fields: str) -> Page:
        """Fill and send the form of the present page with this address."""
        return self.send_again(action, self.page.form(action) | fields)

    def send_again(
        self, action: str, fields: dict[str, str], headers: dict[str, str | None] | None = None
    ) -> Page:
        """Send a form with exactly these fields, as a reload or another site does.

        headers: instead of the usual ones; None leaves one out.
        """
        address = self._absolute(action)
        return self._show(self.session.post(address, data=fields, headers=headers, timeout=60))

    def log_in(self, email: str, password: str) -> Page:
        self.open("/log-in")
        return self.send("/log-in", email=email, password=password)

    def _absolute(self, address: str) -> str:
        return urljoin(self.page.url if hasattr(self, "page") else self.url, address)

    def _show(self, answer: requests.Response) -> Page:
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8", answer.text
        self.page = Page(answer)
        self.check()
        return self.page

    def check(self) -> None:
        """Assert what holds for every page."""
        page, headers = self.page, self.page.answer.headers
        assert page.document.errors == [], (page.url, page.document.errors)
        assert headers["Content-Security-Policy"] in self.policies
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        text = page.answer.text
        assert not re.search(r"<script|<style|\bstyle=|\son\w+=|javascript:", text)
        for token in filter(None, map(self.cookie, TOKENS)):
            assert token not in text
            assert token not in page.url
        ids = [element.attrs["id"] for element in page.query("[id]")]
        assert len(ids) == len(set(ids)), ids
        labelled = {label.attrs["for"] for label in page.query("label")}
        assert labelled == {field.attrs["id"] for field in page.query(FIELDS)}
        assert len(page.query("h1")) == len(page.query("main")) == 1
        assert page.query("html")[0].attrs["lang"]
        assert page.query("title")[0].to_text().strip()
        for time in page.query("time"):
            is_day = len(time.attrs["datetime"]) == len("2027-01-01")
            assert is_day or re.search(r"UTC[+-]\d\d:\d\d", time.to_text()), time.to_text()
