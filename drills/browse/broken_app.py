"""The application with pages that violate the properties: a fault for each of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask, Response, request

from api.app import create_app
from drills.browse.people import INJECTED


def status_500(html: str, response: Response) -> str:
    response.status_code = 500
    return html


def no_zone(html: str, _: Response) -> str:
    return re.sub(r"UTC[+-]\d\d:\d\d", "", html)


def bare_time(html: str, _: Response) -> str:
    return html.replace("</h1>", "</h1><p>Open from 09:00 on</p>")


def no_way_on(html: str, _: Response) -> str:
    return re.sub(r"(<main[^>]*>).*?(<h1>.*?</h1>).*?</main>", r"\1\2</main>", html, flags=re.S)


def two_headings(html: str, _: Response) -> str:
    return html.replace("</h1>", "</h1><h1>Again</h1>")


def every_card_twice(html: str, _: Response) -> str:
    return re.sub(r"<article .*?</article>", r"\g<0>\g<0>", html, flags=re.S)


def element_of_an_entry(html: str, _: Response) -> str:
    return html.replace("</h1>", f"</h1><b {INJECTED}>bold</b>")


def name_of_another(html: str, _: Response) -> str:
    return html.replace("</h1>", "</h1><p>Kim Mark00001, Kim Mark00002</p>")


def address_of_another(html: str, _: Response) -> str:
    return html.replace("</h1>", "</h1><p>mark00001@browse.test, mark00002@browse.test</p>")


def end_of_nothing(html: str, _: Response) -> str:
    return html.replace("</h1>", "</h1></b>")


# By page: the property that must find it, and the fault.
FAULTS: dict[str, tuple[str, Callable[[str, Response], str]]] = {
    "/verify-email": ("answer_is_expected", status_500),
    "/doctors": ("time_has_its_zone", no_zone),
    "/sign-up": ("time_has_its_zone", bare_time),
    "/account": ("page_leads_on", no_way_on),
    "/log-in": ("page_is_whole", two_headings),
    "/consultations": ("slot_has_one_booking", every_card_twice),
    "/": ("text_of_people_is_text", element_of_an_entry),
    "/doctors/{id}": ("others_are_not_shown", name_of_another),
    "/forgotten-password": ("others_are_not_shown", address_of_another),
    "/reset-password": ("browser_has_no_complaint", end_of_nothing),
}
BUG = "/preferences"  # a page that raises an exception


def build() -> Flask:
    """The application with all faults."""
    app = create_app()

    def spoil(response: Response) -> Response:
        route = str(request.url_rule or "")
        route = re.sub(r"<uuid:\w+>", "{id}", route)
        if route in FAULTS and request.method == "GET" and response.mimetype == "text/html":
            _, fault = FAULTS[route]
            response.set_data(fault(response.get_data(as_text=True), response))
        return response

    def fail() -> None:
        if request.path == BUG:
            raise RuntimeError

    app.after_request(spoil)
    app.before_request(fail)
    return app
