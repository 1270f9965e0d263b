"""The console as a part of the application: safety of forms, errors, limits, texts, settings."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
import structlog
from babel import Locale
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from justhtml import JustHTML
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from api import config, db
from api.app import create_app
from console import refusals, rest, texts
from console.forms import Form
from scripts.system import CHECKOUT
from tests.support.client import PASSWORD, Client, ok
from tests.support.pages import POLICY, Surfer
from tests.support.server import environment, new_secrets

# What the console takes from the API's modules, besides its answers.
NEEDED = {"api.config"}
NOWHERE = "postgresql://telemed_api@127.0.0.1:1/none"
HTML = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
BOOKING = "/doctors/{0}/slots/{0}".format("00000000-0000-7000-8000-000000000000")


def browser(**settings: str) -> FlaskClient:
    """A browser of an application in this process that reaches no database."""
    return _app(tuple(settings.items())).test_client()


@cache
def _app(settings: tuple[tuple[str, str], ...]) -> Flask:
    return create_app(config.load(environment(NOWHERE) | dict(settings)))


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of the database fails."""

    def fail(*_args: object, **_kwargs: object) -> bytes:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(db, "call", fail)


def field(page: TestResponse, name: str) -> str:
    document = JustHTML(page.text, sanitize=False)
    value: str = document.query(f"[name={name}]")[0].attrs["value"]
    return value


def send(client: FlaskClient, address: str, **fields: str | list[str]) -> TestResponse:
    token = field(client.get("/log-in", headers=HTML), "form_token")
    return client.post(address, data=fields | {"form_token": token}, headers=HTML)


def imports() -> Iterator[str]:
    for path in (CHECKOUT / "console").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_console_imports_of_the_api_only_its_settings() -> None:
    assert {name for name in imports() if name.partition(".")[0] == "api"} == NEEDED
    assert not [name for name in imports() if name.startswith(("worker", "psycopg"))]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": None, "Origin": "https://evil.test"},
        {"Sec-Fetch-Site": None, "Origin": "null"},
        {"Sec-Fetch-Site": None, "Origin": "https://["},
    ],
)
def test_form_of_another_site_is_refused(patient: Client, headers: dict[str, str | None]) -> None:
    person = Surfer(patient.url)
    person.log_in(patient.email, PASSWORD)
    form = person.open("/preferences").form("/preferences") | {"time_zone": "Asia/Tokyo"}
    refused = person.send_again("/preferences", form, headers)
    assert refused.status == 403
    assert "Nothing was changed" in refused.text("[role=alert]")
    assert ok(patient.get("/v1/me"))["time_zone"] is None
    own = {"Sec-Fetch-Site": None, "Origin": patient.url}
    saved = person.send_again("/preferences", form, own)
    assert saved.text("[role=status]") == "Your preferences are saved."


@pytest.mark.parametrize("token", ["", "x", "x.y", ".", "\udcff.\udcff", "of another browser"])
def test_form_without_the_token_of_its_browser_is_refused(token: str) -> None:
    client, other = browser(), browser()
    client.get("/log-in", headers=HTML)
    if token == "of another browser":
        token = field(other.get("/log-in", headers=HTML), "form_token")
    data = {"form_token": token.encode(errors="surrogateescape")}
    assert client.post("/log-out", data=data, headers=HTML).status_code == 403
    assert send(client, "/log-out").status_code == 303


def test_token_of_a_form_differs_on_each_page() -> None:
    client = browser()
    tokens = {field(client.get("/log-in", headers=HTML), "form_token") for _ in range(3)}
    assert len(tokens) == 3


def test_failure_of_the_database_is_shown_with_a_way_on(no_database: None) -> None:
    client = browser()
    client.set_cookie("telemed_refresh", "x" * 43)
    page = client.get("/consultations?list=past", headers=HTML)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "1"
    assert page.headers["Content-Security-Policy"] == POLICY
    document = JustHTML(page.text, sanitize=False)
    assert "not available" in document.query("[role=alert]")[0].to_text()
    assert document.query("a.button")[0].attrs["href"] == "/consultations?list=past"
    # The session is kept: it may be valid.
    assert "telemed_refresh" not in "".join(page.headers.getlist("Set-Cookie"))


def test_booking_without_an_answer_is_sent_again_with_its_key(no_database: None) -> None:
    client = browser()
    client.set_cookie("telemed_refresh", "x" * 43)
    page = send(client, BOOKING, key="the key", reason="A rash")
    assert page.status_code == 503
    document = JustHTML(page.text, sanitize=False)
    (form,) = document.query("main form")
    assert form.attrs["action"] == BOOKING
    kept = {f.attrs["name"]: f.attrs["value"] for f in form.query("input")}
    assert (kept["key"], kept["reason"]) == ("the key", "A rash")
    assert client.post(BOOKING, data=kept, headers=HTML).status_code == 503


def test_form_sent_again_has_every_chosen_value(no_database: None) -> None:
    client = browser()
    client.set_cookie("telemed_refresh", "x" * 43)
    types = ["consultation.booked", "consultation.cancelled"]
    page = send(client, "/admin/webhooks/new", key="the key", event_types=types)
    assert page.status_code == 503
    chosen = JustHTML(page.text, sanitize=False).query("main form [name=event_types]")
    assert [field.attrs["value"] for field in chosen] == types


def test_page_of_a_failure_does_not_show_a_password(no_database: None) -> None:
    client = browser()
    client.set_cookie("telemed_refresh", "x" * 43)
    page = send(client, "/admin/doctors/new", key="the key", password="secret words")
    assert page.status_code == 503
    assert "secret words" not in page.text
    (again,) = JustHTML(page.text, sanitize=False).query("main a.button")
    assert again.attrs["href"] == "/admin/doctors/new"


@pytest.mark.parametrize(("code", "status", "is_kept"), [
    ("TM901", 409, False), ("TM203", 422, False), ("TM991", 409, True), ("HTTP503", 503, True),
])  # fmt: skip
def test_attempt_without_an_outcome_keeps_its_key(code: str, status: int, is_kept: bool) -> None:
    problem = {"code": code, "status": status, "detail": "", "request_id": "x"}
    content = {"method": "POST", "data": {"key": "the key"}}
    with _app(()).test_request_context("/", **content):
        form = Form(is_keyed=True)
        assert not form.take(rest.Answer(status, Headers(), "", problem))
        assert (form.key == "the key") == is_kept
        assert ("carried out only once" in form.refusal) == is_kept


def test_unknown_address_is_a_page_for_people_and_a_problem_for_programs() -> None:
    client = browser()
    for path in ("/nothing", "/consultations/x", "/console.css/x"):
        page = client.get(path, headers=HTML)
        assert (page.status_code, page.mimetype) == (404, "text/html")
        assert page.headers["Content-Security-Policy"] == POLICY
        assert client.get(path).mimetype == "application/problem+json"
    assert client.get("/v1/nothing", headers=HTML).mimetype == "application/problem+json"
    wrong_method = client.post("/consultations", headers=HTML)
    assert (wrong_method.status_code, wrong_method.mimetype) == (405, "text/html")
    assert client.post("/consultations").mimetype == "application/problem+json"


def test_limit_counts_a_page_once_and_by_the_address_of_its_browser(no_database: None) -> None:
    client = browser(RATE_LIMIT_AUTH="2 per year", TRUSTED_PROXIES="1")
    statuses = []
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"):
        token = field(client.get("/log-in", headers=HTML), "form_token")
        data = {"form_token": token, "email": "a@clinic.test", "password": "wrong"}
        headers = HTML | {"X-Forwarded-For": f"203.0.113.9, {address}"}
        statuses.append(client.post("/log-in", data=data, headers=headers).status_code)
    assert statuses == [503, 503, 429, 503]


def test_page_and_its_calls_are_logged_under_one_id(no_database: None) -> None:
    client = browser()
    client.set_cookie("telemed_refresh", "x" * 43)
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = HTML | {"X-Request-Id": "one", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with structlog.testing.capture_logs() as lines:
        client.get("/consultations", headers=headers)
    call, page = [line for line in lines if line["event"] == "request"]
    assert (call["route"], page["route"]) == ("/v1/auth/refresh", "/consultations")
    assert call["request_id"] == page["request_id"] == "one"
    assert call["trace_id"] == page["trace_id"] == trace
    assert call["parent_id"] == page["span_id"]


def test_cookies_of_production_belong_to_this_host_over_https() -> None:
    client = browser(APP_ENV="production", BCRYPT_COST="10", **new_secrets())
    page = client.get("/log-in", headers=HTML)
    (cookie,) = page.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-telemed_form=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))


def test_console_that_is_off_leaves_the_documentation() -> None:
    client = browser(CONSOLE="off")
    answer = client.get("/", headers=HTML)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/docs")
    assert client.get("/log-in", headers=HTML).status_code == 404


def test_files_of_pages_may_be_kept_by_a_browser() -> None:
    client = browser()
    links = JustHTML(client.get("/", headers=HTML).text, sanitize=False).query("link")
    for link, kind in zip(links, ("text/css", "image/svg+xml"), strict=True):
        file = client.get(link.attrs["href"])
        assert (file.status_code, file.mimetype) == (200, kind)
        assert "immutable" in file.headers["Cache-Control"]
        assert len(file.data) < 10_000


def test_each_block_of_the_style_sheet_ends_before_the_next_selector() -> None:
    style = (CHECKOUT / "console/console.css").read_text()
    depth, most = 0, 1
    for line in re.sub(r"/\*.*?\*/", "", style, flags=re.S).splitlines():
        if line.startswith("@media"):  # its block has blocks
            most = 2
        depth += line.count("{") - line.count("}")
        assert 0 <= depth <= most, line
        most = most if depth else 1
    assert depth == 0


def test_hint_about_demo_accounts_is_for_development_only() -> None:
    assert "demo accounts" not in browser().get("/", headers=HTML).text
    assert "demo accounts" in browser(APP_ENV="development").get("/", headers=HTML).text


def test_hour_that_clocks_show_twice_is_shown_with_two_offsets() -> None:
    berlin, english = ZoneInfo("Europe/Berlin"), Locale("en")
    times = [texts.short_time(f"2026-10-25T0{hour}:30:00Z", berlin, english) for hour in (0, 1)]
    assert [re.sub("<[^>]+>", "", time) for time in times] == [
        "2:30\u202fAM UTC+02:00", "2:30\u202fAM UTC+01:00",
    ]  # fmt: skip


def test_refusals_without_a_text_of_the_console_show_that_of_the_api() -> None:
    known = (CHECKOUT / "db/errors.md").read_text()
    codes = {code for code in refusals.SENTENCES if code.startswith("TM")}
    assert {code for code in codes if f"`{code}`" not in known} == set()


KEYWORDS = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}
METHODS = [("**.py", "python"), ("**.html", "jinja2")]


@pytest.mark.parametrize("language", [name for name in texts.LANGUAGES if name != texts.DEFAULT])
def test_catalogue_has_every_text_with_its_values(language: str) -> None:
    folder = str(CHECKOUT / "console")
    found = {m for _, _, m, _, _ in extract_from_dir(folder, METHODS, keywords=KEYWORDS)}
    with (texts.FOLDER / f"{language}.po").open("rb") as source:
        catalogue = {m.id: m for m in read_po(source, locale=language) if m.id}
        source.seek(0)
        twice = Counter(re.findall(rb"^msgid (.+(?:\n\".*)*)", source.read(), re.M))
    assert set(catalogue) == found
    assert [text for text, count in twice.items() if count > 1] == []
    for message in catalogue.values():
        ids, strings = (
            value if isinstance(value, (tuple, list)) else (value,)
            for value in (message.id, message.string)
        )
        assert all(strings), message.id
        for text, translated in zip(ids, strings, strict=True):
            values = [set(re.findall(r"%\(\w+\)s", t)) for t in (text, translated)]
            assert values[0] == values[1], message.id


def test_language_is_that_of_the_browser_until_the_profile_has_one(patient: Client) -> None:
    person = Surfer(patient.url)
    person.session.headers["Accept-Language"] = "fr-CH, en;q=0.5"
    page = person.open("/")
    assert (page.query("html")[0].attrs["lang"], page.heading) == ("fr", "Trouver un médecin")
    assert "incorrect" in person.log_in(patient.email, "wrong").text("[role=alert]")
    person.log_in(patient.email, PASSWORD)
    ok(patient.patch("/v1/me", {"language": "es-MX", "time_zone": "America/Mexico_City"}))
    page = person.open("/")
    assert (page.query("html")[0].attrs["lang"], page.heading) == ("es", "Buscar un médico")
    person.session.headers["Accept-Language"] = "xx"
    ok(patient.patch("/v1/me", {"language": "xx"}))
    assert person.open("/").heading == "Find a doctor"


@pytest.mark.parametrize(("language", "number", "text"), [
    ("es", 1, "1 día"), ("es", 2, "2 días"), ("fr", 0, "0 jour"), ("fr", 2, "2 jours"),
])  # fmt: skip
def test_plural_follows_the_language(language: str, number: int, text: str) -> None:
    found = texts.catalogue(language).ngettext("%(days)s day", "%(days)s days", number)
    assert found % {"days": number} == text


def test_page_whose_viewer_cannot_be_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = {"code": "08000", "status": 503, "detail": "", "request_id": "x"}

    def send(_: str, path: str, **_more: Any) -> rest.Answer:
        if path == "/v1/me":
            return rest.Answer(503, Headers({"Retry-After": "7"}), "", problem)
        return rest.Answer(200, Headers(), "", {"items": []})

    monkeypatch.setattr(rest, "send", send)
    client = browser()
    client.set_cookie("telemed_access", "a token")
    page = client.get("/account/notifications", headers=HTML)
    assert (page.status_code, page.headers.get("Retry-After")) == (503, "7")


def test_list_after_a_write_asks_for_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no replica here: a stand-in answers as an API with one does."""
    sent: dict[str, str | None] = {}
    me: dict[str, str | None] = {
        "email": "a@clinic.test",
        "full_name": "A",
        "role": "patient",
        "language": None,
    }
    me |= {"time_zone": None, "email_verified_at": None}
    nothing = {"items": [], "next_cursor": None}

    def send(method: str, path: str, **more: Any) -> rest.Answer:
        sent[f"{method} {path}"] = more["headers"].get("Read-After")
        headers = Headers({"Read-After": "7-1-9"} if method == "PATCH" else {})
        return rest.Answer(200, headers, "", me if path == "/v1/me" else nothing)

    monkeypatch.setattr(rest, "send", send)
    client = browser()
    client.set_cookie("telemed_access", "a token")
    assert client.get("/doctors", headers=HTML).status_code == 200
    assert sent["GET /v1/doctors"] is None
    form = client.get("/log-out", headers=HTML)
    data = {"form_token": field(form, "form_token"), "version": "1"}
    assert client.post("/preferences", data=data, headers=HTML).status_code == 303
    assert client.get("/doctors", headers=HTML).status_code == 200
    assert sent["GET /v1/doctors"] == "7-1-9"
