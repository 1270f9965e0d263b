"""The `type` of every problem is the address of a page about it, made from db/errors.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin

import pytest
import requests

from api.errors import STATUS_BY_SQLSTATE, TYPES
from api.gunicorn_worker import STATUSES
from api.problems import KINDS, kind_of
from api.resources.problems import mark_code
from scripts.system import CHECKOUT
from tests.support.client import Client, new_key, problem

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
# What Flask itself refuses.
OF_FLASK = {"HTTP404", "HTTP405", "HTTP413"}


def text_of(page: str) -> str:
    """The text of an HTML page, in one line."""
    return " ".join(unescape(re.sub("<[^>]+>", "", page)).split())


def test_every_kind_of_problem_has_a_page(stranger: Client) -> None:
    assert len(KINDS) > 80
    for kind in KINDS:
        address = f"{stranger.url}{TYPES}/{kind.code.replace('x', '0')}"
        page = requests.get(address, headers=BROWSER, timeout=60)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        shown = text_of(page.text)
        for part in kind:
            assert part.replace("`", "") in shown, kind.code
        assert kind.what_to_do.strip(), kind.code


def test_page_of_a_problem_is_json_for_programs(stranger: Client) -> None:
    for accept in ("*/*", "application/json", "application/problem+json, application/json;q=0.5"):
        address = f"{stranger.url}{TYPES}/TM901"
        answer = requests.get(address, headers={"Accept": accept}, timeout=60)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Vary"] == "Accept"
        assert answer.json() == {"type": "/problems/TM901", **_dict("TM901")}


def _dict(code: str) -> dict[str, str]:
    kind = kind_of(code)
    assert kind
    return kind._asdict()


def test_index_of_problems_links_each_page(stranger: Client) -> None:
    page = requests.get(f"{stranger.url}{TYPES}", headers=BROWSER, timeout=60)
    assert re.findall(r'href="/problems/(\w+)"', page.text) == [kind.code for kind in KINDS]
    listed = requests.get(f"{stranger.url}{TYPES}", timeout=60).json()["items"]
    assert [item["code"] for item in listed] == [kind.code for kind in KINDS]


def test_pages_of_problems_load_nothing_from_other_hosts(stranger: Client) -> None:
    for path in (TYPES, f"{TYPES}/TM901"):
        page = requests.get(stranger.url + path, headers=BROWSER, timeout=60)
        assert "://" not in page.text
        assert "<script" not in page.text
        assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "unsafe" not in page.headers["Content-Security-Policy"]
        for part in re.findall(r'<link[^>]* href="([^"]+)"', page.text):
            assert requests.get(stranger.url + part, timeout=60).status_code == 200, part


@pytest.mark.parametrize("code", ["TM999", "tm901", "TM9x1", "x", "TM901/", "TM901.html", "23xxx"])
def test_unknown_kind_of_problem_is_not_found(stranger: Client, code: str) -> None:
    problem(stranger.get(f"{TYPES}/{code}"), 404, "HTTP404")


def test_type_of_a_problem_resolves(stranger: Client, patient: Client, doctor: Client) -> None:
    slot = doctor.publish()
    booking = {"slot_id": slot["id"]}
    patient.book(slot)
    answers = [
        stranger.get("/v1/me"),
        stranger.get("/v1/nothing"),
        stranger.send("PUT", "/v1/auth/login"),
        stranger.send("POST", "/v1/auth/login", data=b"{", headers={"Content-Type": "text/plain"}),
        stranger.post("/v1/auth/login", {}),
        patient.post("/v1/slots", {}),
        patient.post("/v1/consultations", booking),
        patient.post("/v1/consultations", booking, key=new_key()),
        patient.get(f"/v1/consultations/{slot['id']}"),
    ]
    codes = set()
    for answer in answers:
        body = problem(answer, answer.status_code)
        codes.add(body["code"])
        found = requests.get(urljoin(answer.url, body["type"]), timeout=60)
        assert found.status_code == 200, body
        assert found.json()["http"].startswith(str(answer.status_code)), body
    assert len(codes) == len(answers)


def calls(name: str) -> Iterator[ast.Call]:
    """The calls of a function of this name in the API."""
    for path in sorted((CHECKOUT / "api").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == name:
                yield node


def codes_of_the_api() -> set[str]:
    """The codes of problems that stand in the Python, and those of HTTP."""
    codes = set(OF_FLASK) | {f"HTTP{status}" for _, status in STATUSES}
    for call in (*calls("Problem"), *calls("abort")):
        given = {k.arg: k.value for k in call.keywords}.get("code")
        status = call.args[0]
        if given is None and isinstance(status, ast.Constant):
            codes.add(f"HTTP{status.value}")
        elif isinstance(given, ast.Constant):
            codes.add(str(given.value))
    return codes


def test_every_code_that_the_api_sends_has_a_page() -> None:
    sent = codes_of_the_api()
    assert {"HTTP400", "HTTP429", "HTTP500", "TM101", "TM201"} <= sent
    from_database = {p.ljust(5, "0") for p, _ in STATUS_BY_SQLSTATE if not p.startswith("TM")}
    assert {code for code in sent | from_database if not kind_of(code)} == set()


def test_status_of_a_page_is_that_of_its_problems() -> None:
    for prefix, status in STATUS_BY_SQLSTATE:
        for kind in KINDS:
            if kind.code.startswith(prefix):
                assert re.fullmatch(rf"(then )?{status}\b.*", kind.http), kind.code
    for kind in KINDS:
        if kind.code.startswith("HTTP"):
            assert kind.http.startswith(kind.code[4:]), kind.code


def test_codes_of_the_list_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)
    for code in codes:
        found = kind_of(code.replace("x", "0"))
        assert found
        assert found.code == code


def test_text_of_a_problem_is_escaped() -> None:
    assert mark_code("a < b, `<i>` & `x`") == (
        "a &lt; b, <code>&lt;i&gt;</code> &amp; <code>x</code>"
    )
