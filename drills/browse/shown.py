"""A page as somebody sees it: its links, its forms and its times."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any
from urllib.parse import urljoin, urlsplit

from justhtml import JustHTML

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
DOWNLOADS = (".ics", ".json", ".csv", ".svg", ".png")


class Shown:
    """A page that a browser shows; url: after redirects. Other sites have no html."""

    def __init__(self, status: int, url: str, html: str) -> None:
        self.status = status
        self.url = url
        self.html = html

    @cached_property
    def document(self) -> JustHTML:
        return JustHTML(self.html, sanitize=False, collect_errors=True)

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def route(self) -> str:
        """The path with {id} in the place of each id."""
        return ID.sub("{id}", self.path)

    def query(self, selector: str) -> list[Any]:
        """The elements that a CSS selector selects."""
        return list(self.document.query(selector))

    def text(self, selector: str) -> str:
        """The text of all elements that a selector selects."""
        return " ".join(" ".join(e.to_text().split()) for e in self.query(selector))

    def links(self, selector: str = "a[href]") -> list[str]:
        """The addresses of the links to pages of this site."""
        site = urlsplit(self.url).netloc
        found = (urljoin(self.url, a.attrs["href"]) for a in self.query(selector))
        return [
            url
            for url in found
            if urlsplit(url).netloc == site and urlsplit(url).path != self.path + "#"
        ]

    @property
    def forms(self) -> list[Form]:
        return [Form(self, n, element) for n, element in enumerate(self.query("form"))]


class Form:
    """A form of a page, the `number`th of the page."""

    def __init__(self, shown: Shown, number: int, element: Any) -> None:
        self.number = number
        self.method = element.attrs.get("method", "get").lower()
        self.action = urljoin(shown.url, element.attrs.get("action") or shown.url)
        self.fields = [
            field
            for field in element.query("input[name], textarea[name], select[name]")
            if "disabled" not in field.attrs
        ]


def is_download(url: str) -> bool:
    """Whether an address is that of a file and not of a page."""
    path = urlsplit(url).path
    return path.endswith(DOWNLOADS) or path.endswith("/export")
