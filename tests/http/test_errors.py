"""Errors: the status and the problem document of every kind of failure."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from collections.abc import Callable, Iterator

import psycopg
import pytest
import requests
from flask import Flask, g

from api import errors
from scripts.server import Cluster
from tests.support.client import PROBLEM, Client, new_key, ok, places, problem
from tests.support.raw import connect, everything, refused, request
from tests.support.server import Server, serve

JSON = "application/json"
LOG_IN = "/v1/auth/login"
NOWHERE = "00000000-0000-4000-8000-000000000000"
POSTS = [
    ("stranger", "/v1/auth/signup"),
    ("stranger", "/v1/auth/login"),
    ("stranger", "/v1/auth/refresh"),
    ("patient", "/v1/auth/logout"),
    ("admin", "/v1/admin/doctors"),
    ("doctor", "/v1/slots"),
    ("doctor", "/v1/slots/recurring"),
    ("doctor", "/v1/slots/recurring/preview"),
    ("doctor", "/v1/time-off"),
    ("patient", "/v1/consultations"),
    ("doctor", f"/v1/consultations/{NOWHERE}/complete"),
    ("patient", f"/v1/consultations/{NOWHERE}/cancel"),
    ("patient", f"/v1/consultations/{NOWHERE}/reschedule"),
    ("doctor", f"/v1/consultations/{NOWHERE}/prescriptions"),
    ("admin", f"/v1/consultations/{NOWHERE}/payments"),
    ("admin", f"/v1/payments/{NOWHERE}/refunds"),
]
POST_IDS = [path.replace(NOWHERE, "{id}") for _, path in POSTS]


@pytest.fixture
def send_raw(
    stranger: Client, patient: Client, doctor: Client, admin: Client
) -> Callable[..., int]:
    """Sends bytes as one of the callers and returns the status. Every error must be a problem."""
    callers = {"stranger": stranger, "patient": patient, "doctor": doctor, "admin": admin}

    def send(
        caller: str, path: str, body: bytes | Iterator[bytes], media_type: str = "application/json"
    ) -> int:
        headers = {"Content-Type": media_type, "Idempotency-Key": new_key()}
        answer = callers[caller].send("POST", path, data=body, headers=headers)
        if answer.status_code >= 400:
            problem(answer, answer.status_code)
        return answer.status_code

    return send


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_body_that_is_not_json_is_refused(
    caller: str, path: str, send_raw: Callable[..., int]
) -> None:
    for body in (
        b"{",
        b"\xff\xfe{\x00}\x00",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 01}',
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b"{} {}",
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b"1" * 6_000,
        b"\x00",
    ):
        assert send_raw(caller, path, body) == 400, body[:20]


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_body_that_is_not_an_object_is_refused(
    caller: str, path: str, send_raw: Callable[..., int]
) -> None:
    for body in (b"[]", b"null", b'"text"', b"7", b"true", b"[{}]"):
        assert send_raw(caller, path, body) == 422, body


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_other_media_type_is_refused(caller: str, path: str, send_raw: Callable[..., int]) -> None:
    for media_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json-patch+json",
        "",
    ):
        assert send_raw(caller, path, b"{}", media_type) == 415, media_type


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_body_that_is_too_large_is_refused(
    caller: str, path: str, send_raw: Callable[..., int]
) -> None:
    for size in (70_000, 1_000_000):
        assert send_raw(caller, path, json.dumps({"x": "y" * size}).encode()) == 413
    assert send_raw(caller, path, b"[" * 100_000) == 413
    # In chunks, without Content-Length: reading stops at the limit.
    assert send_raw(caller, path, (b"y" * 1000 for _ in range(200))) == 413


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_text_that_postgresql_cannot_store_is_refused(
    caller: str, path: str, send_raw: Callable[..., int], stranger: Client
) -> None:
    operation = stranger.contract._operation("POST", path)
    assert operation is not None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    fields = stranger.contract.document["components"]["schemas"][schema.rpartition("/")[2]]
    for field in (*fields["properties"], "unknown"):
        for value in (
            '"\\u0000"',
            '"a\\u0000b@c.d"',
            '"\\ud800"',
            '"x\\udc00@y.z"',
            "-1",
            "{}",
            "[[]]",
        ):
            assert send_raw(caller, path, f'{{"{field}": {value}}}'.encode()) == 422, (field, value)
        # Some fields accept some of these values.
        for value in (
            '"infinity"',
            '"10000-01-01T00:00:00Z"',
            f'"{"x" * 60_000}"',
            "1e400",
            "null",
        ):
            status = send_raw(caller, path, f'{{"{field}": {value}}}'.encode())
            assert status < 500, (field, value[:30], status)
        assert send_raw(caller, path, f'{{"{field}\\ud800\\u0000": 1}}'.encode()) == 422


def test_validation_reports_every_mistake_at_once(stranger: Client) -> None:
    body = {"email": "x", "password": "y", "name": "z"}
    refusal = problem(stranger.post("/v1/auth/signup", body), 422, "TM201")
    assert {e["pointer"] for e in refusal["errors"]} == {
        "#/email",
        "#/password",
        "#/full_name",
        "#/name",
    }
    assert all(e["detail"] for e in refusal["errors"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"\xef\xbb\xbf{}", "byte order mark"),
        ("{}".encode("utf-16"), "byte order mark"),
        ("{}".encode("utf-32"), "byte order mark"),
        ("{}".encode("utf-16-le"), "UTF-8"),
        ("{}".encode("utf-16-be"), "UTF-8"),
        ("{}".encode("utf-32-be"), "UTF-8"),
        ('{"email": "ä"}'.encode("latin-1"), "UTF-8"),
        (gzip.compress(b"{}", mtime=0), "UTF-8"),
        (b'{"email": }', "line 1, column 11"),
        (b'{"email":\n "a" "b"}', "line 2, column 6"),
        (b'{"email": NaN}', "NaN"),
        (b'{"email": -Infinity}', "-Infinity"),
        (b"[" * 60_000, "nested too deeply"),
        (b'{"email": ' + b"1" * 6_000 + b"}", "too many digits"),
    ],
)
def test_unreadable_body_is_refused_with_its_own_reason(
    stranger: Client, body: bytes, detail: str
) -> None:
    answer = stranger.send("POST", LOG_IN, data=body, headers={"Content-Type": JSON})
    assert detail in problem(answer, 400, "HTTP400")["detail"]


@pytest.mark.parametrize(
    "coding",
    [
        *("gzip", "x-gzip", "deflate", "br", "zstd", "compress", "GZip", "unknown", "*"),
        *("gzip, identity", "identity,gzip", "gzip, gzip", "identity;q=1"),
    ],
)
@pytest.mark.parametrize("body", [gzip.compress(b"{}", mtime=0), zlib.compress(b"{}"), b"{}"])
def test_compressed_body_is_refused_with_the_accepted_encodings(
    stranger: Client, coding: str, body: bytes
) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": coding}
    answer = stranger.send("POST", LOG_IN, data=body, headers=headers)
    assert "compression" in problem(answer, 415, "HTTP415")["detail"]
    assert answer.headers["Accept-Encoding"] == "identity"
    assert "Accept" not in answer.headers


def test_compressed_body_is_refused_before_it_is_read(stranger: Client) -> None:
    bomb = gzip.compress(b"[" * 40_000_000)
    headers = {"Content-Type": JSON, "Content-Encoding": "gzip"}
    assert len(bomb) < 64 * 1024
    problem(stranger.send("POST", LOG_IN, data=bomb, headers=headers), 415)


@pytest.mark.parametrize("coding", ["", "identity", "Identity", "identity , identity", ","])
def test_identity_content_encoding_is_accepted(stranger: Client, coding: str) -> None:
    headers = {"Content-Type": JSON, "Content-Encoding": coding}
    answer = stranger.send("POST", LOG_IN, data=b"{}", headers=headers)
    assert places(answer) == ["#/email", "#/password"]


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "us-ascii"])
def test_utf_8_charset_is_accepted(stranger: Client, charset: str) -> None:
    headers = {"Content-Type": f"{JSON}; charset={charset}"}
    answer = stranger.send("POST", LOG_IN, data=b"{}", headers=headers)
    assert places(answer) == ["#/email", "#/password"]


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "UTF-7", "windows-1252", "x"])
def test_other_charset_is_refused(stranger: Client, charset: str) -> None:
    headers = {"Content-Type": f"{JSON}; charset={charset}"}
    answer = stranger.send("POST", LOG_IN, data=b"{}", headers=headers)
    assert "UTF-8" in problem(answer, 415, "HTTP415")["detail"]
    assert answer.headers["Accept"] == JSON


def test_other_media_type_is_refused_with_the_accepted_one(stranger: Client) -> None:
    answer = stranger.send("POST", LOG_IN, data=b"{}", headers={"Content-Type": "text/json"})
    problem(answer, 415, "HTTP415")
    assert answer.headers["Accept"] == JSON
    assert "Accept-Encoding" not in answer.headers


@pytest.mark.parametrize(("caller", "path"), POSTS, ids=POST_IDS)
def test_duplicate_name_in_a_body_is_refused(
    caller: str, path: str, send_raw: Callable[..., int]
) -> None:
    for body in (b'{"a": 1, "a": 1}', b'{"a": {"b": [{"c": 1, "c": 2}]}}', b'{"\\u0061":1,"a":2}'):
        assert send_raw(caller, path, body) == 422, body


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"email": 1, "email": 2}', ["#/email"]),
        (b'{"email": 1, "email": 2, "email": 3}', ["#/email"]),
        (b'{"e\\u006dail": 1, "email": 2}', ["#/email"]),
        (b'{"a": 1, "a~/ b": {"x": [0, {"y": 1, "y": 2}]}, "a": 3}', ["#/a", "#/a~0~1%20b/x/1/y"]),
        (b'[{"a": 1, "a": 2}]', ["#/0/a"]),
        (b'{"": 1, "": 2}', ["#/"]),
        (b'{"a": {"b": 1, "b": 2}, "a": {"b": 1}}', ["#/a", "#/a/b"]),
        (b"[" + b",".join([b'{"a":1,"a":2}'] * 500) + b"]", [f"#/{n}/a" for n in range(10)]),
    ],
)
def test_duplicate_names_have_pointers_at_any_depth(
    stranger: Client, body: bytes, pointers: list[str]
) -> None:
    answer = stranger.send("POST", LOG_IN, data=body, headers={"Content-Type": JSON})
    refusal = problem(answer, 422, "TM201")
    assert [e["pointer"] for e in refusal["errors"]] == pointers
    assert {e["detail"] for e in refusal["errors"]} == {"Given more than once."}


def test_same_name_in_several_objects_is_accepted(stranger: Client) -> None:
    body = b'{"email": {"a": 1, "b": {"a": 1}}, "password": [{"a": 1}, {"a": 1}]}'
    answer = stranger.send("POST", LOG_IN, data=body, headers={"Content-Type": JSON})
    assert {e["detail"] for e in problem(answer, 422)["errors"]} == {"Not a valid string."}


def test_truncated_body_with_a_duplicate_name_is_not_json(stranger: Client) -> None:
    for body in (b'{"a": {"b": 1, "b": 2}', b'{"a": {"b": 1, "b": 2}, "c": NaN}'):
        answer = stranger.send("POST", LOG_IN, data=body, headers={"Content-Type": JSON})
        problem(answer, 400, "HTTP400")


def test_deep_duplicate_names_cost_little_memory(stranger: Client) -> None:
    # The full paths of all objects together would take 100 MB.
    depth = 400
    inner = b",".join([b'{"a":1,"a":2}'] * 4_500)
    body = b"[" * depth + inner + b"]" * depth
    answer = stranger.send("POST", LOG_IN, data=body, headers={"Content-Type": JSON})
    refusal = problem(answer, 422, "TM201")["errors"]
    assert [e["pointer"] for e in refusal] == [f"#{'/0' * (depth - 1)}/{n}/a" for n in range(10)]


def test_unknown_path_is_not_found(stranger: Client, patient: Client) -> None:
    for path in ("/v1", "/v2/me", "/v1/me/", "/v1/doctors/1", "/v1/%00", "/docs/../app.py"):
        problem(patient.get(path), 404, "HTTP404")
    problem(stranger.post("/v1/nothing", {}), 404, "HTTP404")


def test_other_method_is_refused_with_the_allowed_ones(patient: Client) -> None:
    answer = patient.send("PUT", "/v1/me", json={})
    problem(answer, 405, "HTTP405")
    allowed = {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_problem_has_type_title_and_request_id(stranger: Client) -> None:
    answer = stranger.send("GET", "/v1/me", headers={"X-Request-Id": "app-1.2:3"})
    refusal = problem(answer, 401)
    assert refusal["type"] == "/problems/TM101"
    assert refusal["title"] == "Unauthorized"
    assert refusal["request_id"] == "app-1.2:3"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "ä", '"quoted"', "<script>"])
def test_unsafe_request_id_is_replaced(stranger: Client, given: str) -> None:
    answer = stranger.send("GET", "/health", headers={"X-Request-Id": given.encode()})
    assert answer.headers["X-Request-Id"] != given
    assert len(answer.headers["X-Request-Id"]) == 32


def test_answers_forbid_caching_and_content_sniffing(patient: Client) -> None:
    answer = patient.get("/v1/me")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("body", [b"", b"{", b"{}"])
@pytest.mark.parametrize("action", ["complete", "cancel", "reschedule", "logout"])
def test_truncated_body_changes_nothing(
    action: str, body: bytes, doctor: Client, patient: Client
) -> None:
    consultation = patient.book(doctor.publish())
    path = f"/v1/consultations/{consultation['id']}"
    caller = doctor if action == "complete" else patient
    sent = request(
        "POST",
        "/v1/auth/logout" if action == "logout" else f"{path}/{action}",
        f"Authorization: Bearer {caller.token}",
        "Content-Type: application/json",
        f"Idempotency-Key: {new_key()}",
        "Content-Length: 30",
        body=body,
    )
    with connect(caller.url) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        refusal = refused(everything(connection), 400)
    assert refusal["detail"] == "The body ended early."
    assert ok(patient.get(path)) == consultation
    ok(patient.post("/v1/auth/refresh", {"refresh_token": patient.tokens["refresh_token"]}))


def test_empty_answer_has_no_content_type(patient: Client) -> None:
    answer = patient.post("/v1/auth/logout")
    assert answer.status_code == 204
    assert "Content-Type" not in answer.headers
    assert "Content-Type" in patient.get("/health").headers


def test_path_with_a_double_slash_is_not_found(patient: Client) -> None:
    for path in ("/v1//slots", "/v1/slots//", "/v1/slots/"):
        answer = requests.get(patient.url + path, allow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM), path


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/me"),
        ("PATCH", "/v1/me"),
        ("POST", "/v1/auth/logout"),
        ("GET", f"/v1/doctors/{NOWHERE}"),
        ("GET", f"/v1/consultations/{NOWHERE}"),
        ("POST", f"/v1/consultations/{NOWHERE}/cancel"),
        ("GET", "/v1/doctors"),
    ],
)
def test_unknown_query_parameter_is_refused(method: str, path: str, patient: Client) -> None:
    answer = patient.send(method, f"{path}?unknown=1")
    assert places(answer) == ["unknown"]
    problem(answer, 422, "TM201")
    ok(patient.get("/v1/me"))


def test_authentication_is_checked_before_validation(stranger: Client) -> None:
    problem(stranger.get("/v1/me", unknown=1), 401)
    # Load balancers may add query parameters to health checks.
    ok(stranger.get("/health", now=1))


@pytest.fixture(scope="module")
def broken(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server on a database with two faulty functions."""
    database = new_database()
    cluster.sql(
        """
        drop function api.get_doctor(uuid);
        create or replace function api.my_profile() returns api.users language plpgsql
        set search_path = pg_catalog, pg_temp
        as $$ begin raise exception 'Jane Doe has a rash'; end $$;
        """,
        database,
    )
    log = tmp_path_factory.mktemp("broken") / "log"
    url = cluster.url(database, "telemed_api")
    with serve(url, log, WEB_CONCURRENCY="1") as running:
        yield running


def test_unexpected_error_answers_500_without_details(broken: Server, patient: Client) -> None:
    for path in ("/v1/me", f"/v1/doctors/{NOWHERE}"):
        answer = requests.get(
            broken.url + path, headers={"Authorization": f"Bearer {patient.token}"}, timeout=60
        )
        refusal = problem(answer, 500, "HTTP500")
        assert refusal["detail"].startswith("An internal error.")
        assert "errors" not in refusal
        for secret in ("Jane", "api.", "function", "Traceback"):
            assert secret not in answer.text
        # The log line with the id of the request has the place of the error.
        lines = [json.loads(line) for line in broken.output.splitlines()]
        (line,) = (
            row
            for row in lines
            if row["event"] == "bug" and row["request_id"] == refusal["request_id"]
        )
        assert line["sqlstate"] in ("P0001", "42883")
        assert "connection.py" in line["at"][-1] or "psycopg" in line["at"][-1]
    assert "Jane" not in broken.output


@pytest.fixture(scope="module")
def app() -> Flask:
    """An application that only provides a request context."""
    return Flask("errors")


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [
        *(("TM101", 401), ("TM299", 422), ("TM301", 403), ("TM477", 404)),
        *(("TM599", 412), ("TM601", 428), ("TM888", 429), ("TM999", 409)),
        *(("22P02", 422), ("22003", 422), ("23502", 422), ("23514", 422)),
        *(("23505", 409), ("23P01", 409), ("23503", 500)),
        *(("25006", 503), ("40001", 503), ("40P01", 503), ("55P03", 503), ("57014", 504)),
        ("54001", 422),
        *(("08006", 503), ("57P01", 503), ("57P03", 503), ("53300", 503), ("53100", 503)),
        *(("42883", 500), ("42501", 500), ("P0001", 500), ("XX000", 500), ("TM701", 500)),
    ],
)
def test_status_follows_from_the_family_of_the_code(app: Flask, sqlstate: str, status: int) -> None:
    with app.test_request_context("/", method="POST"):
        answer = errors.from_database(sqlstate, "Text of the database").response()
    assert answer.status_code == status
    assert ("Text of the database" in answer.get_data(as_text=True)) == (
        sqlstate.startswith("TM") and status != 500
    )
    assert ("Retry-After" in answer.headers) == (
        status in (429, 503) or sqlstate.startswith("TM99")
    )
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


def test_503_states_whether_a_retry_is_safe(app: Flask) -> None:
    def detail(sqlstate: str = "08006", **state: object) -> str:
        with app.test_request_context("/", method="POST"):
            for name, value in state.items():
                setattr(g, name, value)
            return errors.from_database(sqlstate, "lost").detail

    assert detail() == detail(idempotency_key=None, outcome_is_unknown=False)
    assert "carried out at most once" in detail(idempotency_key="key")
    # Cancelled on the second attempt, after the first one was committed.
    assert "carried out at most once" in detail("57014", idempotency_key="key")
    assert "rolled back" in detail("57014")
    assert "unknown whether" in detail(idempotency_key=None, outcome_is_unknown=True)


def test_errors_of_psycopg_itself_become_problems(app: Flask) -> None:
    for error, status in (
        (psycopg.DataError("cannot send this"), 422),
        (psycopg.OperationalError("connection lost"), 503),
        (psycopg.InternalError("?"), 500),
        (psycopg.ProgrammingError("?"), 500),
    ):
        with app.test_request_context("/"):
            assert errors._from_psycopg(error).status_code == status
