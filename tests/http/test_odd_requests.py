"""Requests that no client library sends: each gets a clear refusal, in documented form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.client import PROBLEM, Client, new_key, places, problem
from tests.support.raw import connect, everything, refused, request

JSON = "Content-Type: application/json"
LOG_IN = ("POST", "/v1/auth/login")
CREDENTIALS = b'{"email": "nobody@clinic.test", "password": "no"}'
LENGTH = f"Content-Length: {len(CREDENTIALS)}"
CHUNKED = "Transfer-Encoding: chunked"


def answer_to(caller: Client, sent: bytes) -> bytes:
    """What the server sends until it closes the connection."""
    with connect(caller.url) as connection:
        connection.sendall(sent)
        return everything(connection)


def refusal_of(caller: Client, target: str, *headers: str) -> dict[str, Any]:
    """The problem 422 for a GET, whose target is sent unchanged."""
    credentials = f"Authorization: Bearer {caller.token}"
    sent = request("GET", target, credentials, *headers, "Connection: close")
    return refused(answer_to(caller, sent), 422)


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("limit=1&limit=2", ["limit"]),
        ("limit=1&limit=1", ["limit"]),
        ("limit=1&lim%69t=1", ["limit"]),
        ("q=a&limit=1&q=b&limit=2", ["limit", "q"]),
        ("limit", ["limit"]),
        ("limit=", ["limit"]),
        ("Limit=1", ["Limit"]),
        ("limit%00=1", ["limit\0"]),
        ("limit[]=1", ["limit[]"]),
        ("limit.a=1", ["limit.a"]),
        ("=1", [""]),
        ("=", [""]),
        ("&&x&&", ["x"]),
        ("?limit=1", ["?limit"]),
        ("limit=1;q=x", ["limit"]),
        ("limit=1?q=x", ["limit"]),
    ],
)
def test_query_with_a_wrong_name_is_refused_with_that_name(
    query: str, parameters: list[str], patient: Client
) -> None:
    refusal = refusal_of(patient, f"/v1/doctors?{query}")
    assert sorted(error["parameter"] for error in refusal["errors"]) == parameters


@pytest.mark.parametrize(
    "number",
    [
        *("0", "-0", "-1", "+1", "%2B1", "1.0", "1e2", "0x10", "1_0", "0b1", "NaN", "Infinity"),
        *("true", "null", "%201", "1%20", "1+", "1%00", "%D9%A1", "%EF%BC%91", "%C2%B2"),
        *("201", "9223372036854775808", "9" * 400, "1" * 5000, "{}", "[1]", "'1'", "%221%22"),
    ],
)
def test_query_number_in_another_form_is_refused(number: str, patient: Client) -> None:
    refusal = refusal_of(patient, f"/v1/doctors?limit={number}")
    assert [error["parameter"] for error in refusal["errors"]] == ["limit"]


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("q=%", ["q"]),
        ("q=a%2", ["q"]),
        ("q=%zz", ["q"]),
        ("q=%u00e1", ["q"]),
        ("q=%%41", ["q"]),
        ("q=%ff", ["q"]),
        ("q=%C3", ["q"]),
        ("q=%C3%28", ["q"]),
        ("q=%ED%A0%80", ["q"]),  # a surrogate
        ("q=%C0%AF", ["q"]),  # an overlong form
        ("q=%F4%90%80%80", ["q"]),  # beyond Unicode
        ("q%=1", ["q%"]),
        ("q=%&language=%ff&limit=1", ["language", "q"]),
        ("q=" + "x" * 300 + "%", ["q"]),
    ],
)
def test_query_that_is_not_percent_encoded_utf_8_is_refused(
    query: str, parameters: list[str], patient: Client
) -> None:
    refusal = refusal_of(patient, f"/v1/doctors?{query}")
    assert sorted(error["parameter"] for error in refusal["errors"]) == parameters
    assert {error["detail"] for error in refusal["errors"]} == {
        "Not UTF-8 in percent-encoding: write % as %25."
    }


def test_percent_sign_and_letters_beyond_ascii_in_a_query_are_found(
    patient: Client, new_doctor: Any
) -> None:
    doctor = new_doctor(full_name="Dora 100% Ärztin")
    for text in ("100%25", "%C3%84rztin", "%c3%84rztin", "Dora+100%25"):
        (found,) = patient.send("GET", f"/v1/doctors?q={text}").json()["items"]
        assert found["id"] == doctor.id


def test_query_with_a_thousand_names_is_refused(patient: Client) -> None:
    query = "&".join(f"a{number}" for number in range(1000))
    assert len(refusal_of(patient, f"/v1/doctors?{query}")["errors"]) == 1000
    assert len(refusal_of(patient, f"/v1/me?{query}")["errors"]) == 1000


@pytest.mark.parametrize("target", ["/v1/doctors?q=ä", "/v1/ä", "/v1/doctors?q=\x7f", "/v1/\x01"])
def test_target_with_bytes_beyond_ascii_or_controls_is_malformed(
    target: str, patient: Client
) -> None:
    refused(answer_to(patient, request("GET", target)), 400)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        # The request line
        ("GET /v1/me", 400),
        ("GET  /v1/me HTTP/1.1", 400),
        ("GET /v1/me HTTP/1.1 ", 400),
        ("GET /v1/me http/1.1", 400),
        ("GET /v1/me HTTP/2.0", 400),
        ("GET /v1/me HTTP/1.1.1", 400),
        ("GET\t/v1/me\tHTTP/1.1", 400),
        (" GET /v1/me HTTP/1.1", 400),
        ("GET v1/me HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("G\0T /v1/me HTTP/1.1", 400),
        ("GÉT /v1/me HTTP/1.1", 400),
        (f"{'G' * 300} /v1/me HTTP/1.1", 400),
        # Headers
        ("GET /v1/me HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer x", 400),
        ("GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Note: a\r\n b", 400),
        ("GET /v1/me HTTP/1.1\r\nHost: x\r\n: value", 400),
        ("GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Note: a\0b", 400),
        ("GET /v1/me HTTP/1.1\r\nHost: x\r\nX-Nöte: a", 400),
        ("GET /v1/me HTTP/1.1\r\n X-Note: a", 400),
        # The length of the body
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: +2", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 0x2", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: ²", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: two", 400),
        (f"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: {'9' * 5000}", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + CHUNKED, 400),
        (f"POST /v1/auth/login HTTP/1.0\r\nHost: x\r\n{CHUNKED}", 400),
        (f"POST /v1/auth/login HTTP/1.1\r\nHost: x\r\n{CHUNKED}\r\n{CHUNKED}", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip", 400),
        ("POST /v1/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked", 501),
    ],
)
def test_malformed_head_is_refused(head: str, status: int, stranger: Client) -> None:
    refused(answer_to(stranger, head.encode() + b"\r\n\r\n{}"), status)


@pytest.mark.parametrize(
    "authorization",
    [
        *(
            "",
            "Bearer",
            "Bearer ",
            "Bearer\tx",
            "Bearer  {token}",
            "Bearer {token} x",
            "Bearer x.y.z",
        ),
        *("Token {token}", "{token}", "Bearer: {token}", '"Bearer {token}"', "Bearer {token},x"),
        *(
            "Bearer \u00e4\u00f6",
            "Basic \u00ff",
            "Bearer " + "x" * 8000,
            "Bearer ..",
            "Bearer a.b.c.d",
        ),
        "Bearer {token}\r\nAuthorization: Bearer {token}",
    ],
)
def test_authorization_in_another_form_is_unauthorized(authorization: str, patient: Client) -> None:
    header = f"Authorization: {authorization.replace('{token}', patient.token)}"
    sent = request("GET", "/v1/me", header, "Connection: close")
    assert refused(answer_to(patient, sent), 401)["code"] == "TM101"


@pytest.mark.parametrize(
    "media_type",
    [
        *("application/json, application/json", "application/json application/json", "json", "/"),
        *(
            "application/",
            "application/json/x",
            "application/json+x",
            "\u00e4/\u00f6",
            ";",
            "a/b;c",
        ),
    ],
)
def test_media_type_in_another_form_is_refused(media_type: str, stranger: Client) -> None:
    sent = request(*LOG_IN, f"Content-Type: {media_type}", LENGTH, "Connection: close")
    refused(answer_to(stranger, sent + CREDENTIALS), 415)


def test_second_content_type_is_malformed(stranger: Client) -> None:
    sent = request(*LOG_IN, JSON, JSON, LENGTH, "Connection: close")
    refused(answer_to(stranger, sent + CREDENTIALS), 400)


@pytest.mark.parametrize(
    "header",
    [
        "Accept: \u00ff",
        "Accept: ;;;q=x,,",
        "Accept: text/csv;q=2",
        "Accept: */*;q=1e999",
        f"Accept: {','.join(['a/b'] * 2000)}",
        "Accept-Language: \u00ff;q=",
        "Accept-Encoding: ;q=;,",
        "If-None-Match: \u00ff",
        "If-Modified-Since: yesterday",
        "Cookie: a=b; ; =;\u00ff",
        "X-Request-Id: \u00ff",
        "X-Forwarded-For: \u00ff, , 999.1.1.1",
        "traceparent: 00-zz",
        "Host: \u00ff",
        "Host:",
        "User-Agent: \u00ff",
    ],
)
def test_odd_header_that_a_read_ignores_changes_nothing(header: str, admin: Client) -> None:
    credentials = f"Authorization: Bearer {admin.token}"
    for target in ("/v1/me", "/v1/admin/analytics", "/health", "/openapi.json", "/docs"):
        sent = request("GET", target, credentials, header, "Connection: close")
        answer = answer_to(admin, sent)
        status = int(answer.split()[1])
        # Two headers Host, or one that is no name, are malformed (RFC 9112, section 3.2).
        assert status in ((200, 400) if header.startswith("Host") else (200,)), answer[:500]


@pytest.mark.parametrize(
    "number",
    [
        *("true", '"5000"', "5000.0", "5e3", "1e400", "-1e400", "0.1", "-1", "-0.0", "1e-400"),
        *("9223372036854775808", "1" * 4000, "null", "[5000]", "{}"),
    ],
)
def test_json_number_in_another_form_is_refused(
    number: str, doctor: Client, patient: Client, admin: Client
) -> None:
    consultation = doctor.complete(patient.book(doctor.publish()))
    body = f'{{"amount_minor": {number}, "currency": "EUR", "method": "card"}}'
    answer = admin.send(
        "POST",
        f"/v1/consultations/{consultation['id']}/payments",
        data=body,
        headers={"Content-Type": "application/json", "Idempotency-Key": new_key()},
    )
    assert places(answer) == ["#/amount_minor"]


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"",
            b" ",
            b"\r\n\t",
            b"\x00",
            b"\x1e{}\n",
            b"'{}'",
            b"{'a': 1}",
            b'{"a": 1,}',
            b'{"a" 1}',
        ),
        *(b'{"a": .5}', b'{"a": 5.}', b'{"a": +5}', b'{"a": 0x5}', b'{"a": 1e}', b'{"a": -}'),
        *(b'{"a": "\t"}', b'{"a": "\\x"}', b'{"a": "\\u12"}', b'{"a": tru}', b"{,}", b"[1 2]"),
        *(b"{}//", b"/**/{}", b"{}{}", b'{"a": undefined}', b"\xc3\x28", b'{"a": "\xed\xa0\x80"}'),
        *(b"a=1&b=2", b"<a/>", b"--x\r\n\r\n", b"\xa1aa\x01", b"\x81\xa1a\x01"),
    ],
)
def test_body_that_is_almost_json_is_refused(body: bytes, stranger: Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = stranger.send("POST", "/v1/auth/login", data=body, headers=headers)
    if not body:  # an empty body is an empty object
        assert places(answer) == ["#/email", "#/password"]
    else:
        problem(answer, 400, "HTTP400")


def test_deeply_nested_value_of_a_field_is_refused(doctor: Client) -> None:
    for value in ("[" * 900 + "]" * 900, '{"a":' * 900 + "1" + "}" * 900):
        answer = doctor.send(
            "POST",
            "/v1/slots",
            data=f'{{"starts_at": {value}, "ends_at": "2030-01-01T00:00:00Z"}}',
            headers={"Content-Type": "application/json"},
        )
        assert places(answer) == ["#/starts_at"]


@pytest.mark.parametrize(
    "path",
    [
        "/" + "a/" * 2000,
        "/v1/doctors/" + "0" * 8000,
        "/v1/" + "%41" * 2500,
        "/v1/doctors/" + "../" * 1000 + "me",
        "/v1/me" + ";" * 4000,
    ],
    ids=lambda path: path[:16],
)
def test_long_path_is_not_found(path: str, patient: Client) -> None:
    credentials = f"Authorization: Bearer {patient.token}"
    sent = request("GET", path, credentials, "Connection: close")
    answer = answer_to(patient, sent)
    assert refused(answer, 404)["code"] == "HTTP404"
    assert PROBLEM.encode() in answer
