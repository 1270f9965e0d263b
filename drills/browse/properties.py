"""What holds on every page, whoever reads it and whatever was done before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator

from drills.browse.people import INJECTED, Person
from drills.browse.shown import Shown

# What somebody may be answered who does something odd.
ALLOWED = (200, 400, 401, 403, 404, 405, 409, 412, 413, 422, 428, 429)
CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?!\d)")
OFFSET = re.compile(r"UTC[+-]\d\d:\d\d")
# Texts that people have written, and fields.
WRITTEN = ("script", "style", "time", "input", "textarea", "select", "option", "code", "pre")


def answer_is_expected(shown: Shown, person: Person) -> Iterator[str]:
    """No 5xx, no status that pages have no reason to give."""
    if shown.status not in ALLOWED:
        yield f"status {shown.status}: {shown.text('[role=alert]')}"


def time_has_its_zone(shown: Shown, person: Person) -> Iterator[str]:
    """No time without a zone: each has its offset, and none stands outside of <time>."""
    for time in shown.query("time"):
        if CLOCK.search(time.to_text()) and not OFFSET.search(time.to_text()):
            yield f"no offset: {time.to_text()}"
    for text in _texts(shown.document.root):
        if CLOCK.search(OFFSET.sub("", text)):
            yield f"outside of <time>: {text.strip()}"


def _texts(node: object) -> Iterator[str]:
    """The texts of a page that its templates have written."""
    name = getattr(node, "name", "")
    attributes = getattr(node, "attrs", None) or {}
    if name in WRITTEN or "text" in (attributes.get("class") or "").split():
        return
    if name == "#text":
        yield str(getattr(node, "data", ""))
    for child in getattr(node, "children", None) or ():
        yield from _texts(child)


def page_leads_on(shown: Shown, person: Person) -> Iterator[str]:
    """No dead end: the content has a link or a form, besides the menu."""
    ways = shown.query("main a[href], main form")
    if not ways:
        yield f"no way on: {shown.text('h1')}"


def page_is_whole(shown: Shown, person: Person) -> Iterator[str]:
    """One heading, one main part, a title, a language; each id once."""
    for selector in ("h1", "main", "title", "html[lang]"):
        if len(shown.query(selector)) != 1:
            yield f"{len(shown.query(selector))} of {selector}"
    ids = Counter(element.attrs["id"] for element in shown.query("[id]"))
    yield from (f"id {id_!r} occurs {n} times" for id_, n in ids.items() if n > 1)


def slot_has_one_booking(shown: Shown, person: Person) -> Iterator[str]:
    """Never two bookings shown for a slot, nor two at one time of a patient or of a doctor."""
    slots: Counter[str] = Counter()
    times: Counter[str] = Counter()
    for card in shown.query("article[data-status=scheduled]"):
        slots[card.attrs["data-slot"]] += 1
        if person.role != "admin":
            times[card.query("time")[0].attrs["datetime"]] += 1
    yield from (f"{n} bookings of {what}" for what, n in (slots + times).items() if n > 1)


def text_of_people_is_text(shown: Shown, person: Person) -> Iterator[str]:
    """What somebody has entered never becomes an element."""
    if shown.query(f"[{INJECTED}]"):
        yield "an entry has become an element"


def others_are_not_shown(shown: Shown, person: Person) -> Iterator[str]:
    """A patient sees no name and no address of another patient."""
    if person.role == "patient":
        text = shown.html.casefold()  # an address has the mark in small letters
        marks = person.marks_of_other_patients
        yield from (f"shows {mark}" for mark in marks if mark.casefold() in text)


PROPERTIES: tuple[Callable[[Shown, Person], Iterator[str]], ...] = (
    answer_is_expected,
    time_has_its_zone,
    page_leads_on,
    page_is_whole,
    slot_has_one_booking,
    text_of_people_is_text,
    others_are_not_shown,
)


def violations(shown: Shown, person: Person) -> Iterator[tuple[str, str]]:
    """(property, what violates it) of a page of the console."""
    if not shown.html:  # a file, or another site
        if shown.status >= 500:
            yield "answer_is_expected", f"status {shown.status}"
        return
    for holds in PROPERTIES:
        yield from ((holds.__name__, what) for what in holds(shown, person))
