"""Unusual methods, paths, headers and bodies, sent to every operation."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from scripts.server import Cluster
from tests.security.table import LINES, OPERATIONS
from tests.support.client import Client, problem
from tests.support.client import request as exchange
from tests.support.operations import (
    HEADERS,
    NOWHERE,
    Operation,
    ValidRequests,
    documented,
    operations,
    sound,
    state,
)
from tests.support.raw import connect, everything, refused, request

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "LINK", "BREW")
PATHS = list(dict.fromkeys(name.partition(" ")[2] for name in OPERATIONS))
ONE_OF_EACH_PATH = list({name.partition(" ")[2]: name for name in OPERATIONS}.values())
READS = [name for name in OPERATIONS if name.startswith("GET ")]
LOG_IN_REQUIRED = [str(line) for line in LINES if not line.nowhere and line.statuses["any"] == 401]

# Each call changes the answer to the next one: it is counted, recorded or measured.
CHANGE = ("prometheus_metrics", "my_access_log", "export_my_data", "system_figures")
# The advice counts what happens beside a test.
MAY_CHANGE = ("list_advice",)

# Headers that make some servers change the method, the path or the caller of a request.
OVERRIDE_HEADERS = {
    "X-HTTP-Method-Override": "DELETE",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "DELETE",
    "X-Original-URL": "/v1/admin/analytics",
    "X-Rewrite-URL": "/v1/admin/analytics",
    "X-Original-Method": "DELETE",
    "X-Forwarded-For": "127.0.0.1",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/v1/admin",
    "X-Forwarded-Uri": "/v1/admin/analytics",
    "X-Forwarded-User": "chief@clinic.test",
    "X-Forwarded-Email": "chief@clinic.test",
    "X-Script-Name": "/v1",
    "Forwarded": 'for=127.0.0.1;host="evil.example";proto=https',
    "X-Real-IP": "127.0.0.1",
    "X-Remote-User": "chief@clinic.test",
    "Remote-User": "chief@clinic.test",
    "X-User-Id": NOWHERE,
    "X-Role": "admin",
    "X-Api-Key": "admin",
    "Cookie": "session=admin; access_token=admin",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}
# The operations with which each header is sent alone, too: of each method and each role.
ALONE = {"my_profile", "list_consultations", "list_users", "book_consultation"}
ALONE |= {"update_my_profile", "close_my_account"}
# gunicorn accepts these from a proxy on the same host as variables of its own.
VARIABLES = ("SCRIPT_NAME: /v1", "PATH_INFO: /v1/admin/analytics", "REMOTE_USER: chief@clinic.test")
VARIABLES += ("SCRIPT_NAME: /nowhere", "SCRIPT_NAME:", "REQUEST_METHOD: DELETE")
VARIABLES += ("HTTP_AUTHORIZATION: Bearer x", "wsgi.url_scheme: https")


every_operation = pytest.mark.parametrize("operation", OPERATIONS, indirect=True)
every_read = pytest.mark.parametrize("operation", READS, indirect=True)


def send(caller: Client, method: str, path: str, **more: Any) -> requests.Response:
    """As Client.send, but for requests that the OpenAPI document does not describe, too."""
    credentials = {"Authorization": f"Bearer {caller.token}"} if caller.token else {}
    headers = credentials | more.pop("headers", {})
    address = caller.url + path
    return sound(exchange(method, address, headers=headers, **more))


def send_raw(caller: Client, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
    """The answer to this request line and these headers, which are sent unchanged."""
    credentials = [f"Authorization: Bearer {caller.token}"] if caller.token else []
    with connect(caller.url) as connection:
        sent = request(method, target, *credentials, *headers, "Connection: close", body=body)
        connection.sendall(sent)
        return everything(connection)


def refuses(answer: bytes, *statuses: int, case: object = "") -> None:
    """Assert that the answer is a problem with one of these statuses and all security headers."""
    status = int(answer.split()[1])
    assert status in statuses, (case, answer[:500])
    refused(answer, status)
    head = answer.partition(b"\r\n\r\n")[0].decode()
    for name, value in HEADERS.items():
        assert f"{name}: {value}" in head, head
    assert "Content-Security-Policy: default-src 'none'" in head, head


def allowed_methods(stranger: Client, path: str) -> set[str]:
    methods = {o.method for o in operations(stranger.contract.document) if o.path == path}
    return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())


@pytest.mark.parametrize("path", PATHS)
def test_other_method_is_refused_with_the_allowed_ones(
    path: str, stranger: Client, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    allowed = allowed_methods(stranger, path)
    address = re.sub(r"\{\w+\}", NOWHERE, path)
    before = state(cluster, database)
    for method in METHODS:
        if method in allowed:
            continue
        for caller in (stranger, clinic.admin):
            answer = send(caller, method, address, json={})
            problem(answer, 405, "HTTP405")
            assert set(answer.headers["Allow"].split(", ")) == allowed
    for method in ("get", "Post", "G ET", "GET\t", ""):
        refuses(send_raw(clinic.admin, method, address), 400)
    assert state(cluster, database) == before


@pytest.mark.parametrize("path", PATHS)
def test_options_lists_the_methods_without_cors_headers(
    path: str, stranger: Client, clinic: ValidRequests
) -> None:
    asks = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    address = re.sub(r"\{\w+\}", NOWHERE, path)
    for caller in (stranger, clinic.patient, clinic.admin):
        answer = send(caller, "OPTIONS", address, headers=asks)
        assert (answer.status_code, answer.content) == (200, b"")
        assert set(answer.headers["Allow"].split(", ")) == allowed_methods(stranger, path)


@every_operation
def test_head_answers_like_get_without_a_body(
    operation: Operation, clinic: ValidRequests, stranger: Client
) -> None:
    caller = clinic.allowed(operation)
    path = clinic.request(operation, caller)["path"]
    for sender in (caller, stranger):
        head = send(sender, "HEAD", path)
        assert head.content == b""
        if operation.method == "GET":
            get = send(sender, "GET", path)
            assert head.status_code == get.status_code
            assert head.headers["Content-Type"] == get.headers["Content-Type"]
        elif f"GET {operation.path}" not in OPERATIONS:
            assert head.status_code == 405


@pytest.mark.parametrize("path", ["/", "/docs", "/reference", "/problems", "/openapi.json"])
def test_page_allows_only_reads(path: str, stranger: Client) -> None:
    address, allowed = stranger.url + path, {"GET", "HEAD", "OPTIONS"}
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
        answer = requests.request(method, address, timeout=60)
        problem(answer, 405, "HTTP405")
        assert set(answer.headers["Allow"].split(", ")) == allowed
    answer = requests.options(address, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == allowed
    answer = requests.head(address, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")


@every_read
def test_answer_that_the_caller_has_is_not_sent_again(
    operation: Operation, clinic: ValidRequests
) -> None:
    caller = clinic.allowed(operation)
    path = clinic.request(operation, caller)["path"]
    first = send(caller, "GET", path)
    if "ETag" not in first.headers:
        assert not path.startswith("/v1/") or len(first.content) > 4096
        return
    again = send(caller, "GET", path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 or operation.id in (*CHANGE, *MAY_CHANGE)
    assert again.status_code == 200 or operation.id not in CHANGE
    assert (again.content == b"") == (again.status_code == 304)


def aliases(path: str) -> list[str]:
    """Other spellings of a path, which some servers treat as the same path."""
    parent, _, last = path.rpartition("/")
    return [
        "/" + path,
        path.replace("/", "//"),
        path + "/",
        path + "//",
        path + "/.",
        path + "/..",
        path + "/../" + last,
        f"{parent}/./{last}",
        f"{parent}/x/../{last}",
        f"{parent}/%2e/{last}",
        f"{parent}/x/%2e%2e/{last}",
        f"{parent}/x/..%2f{last}",
        f"{parent}/..;/{last}",
        f"{parent}/%252e%252e/{last}",
        "/%2e%2e" + path,
        "/docs/%2e%2e" + path,
        "/x/.." + path,
        f"{parent}%2f{last}",
        f"{parent}%5c{last}",
        f"{parent}\\{last}",
        f"{parent};/{last}",
        f"{path};a=b",
        f"{path};.json",
        f"{path}.json",
        f"{path}%3fa=b",
        f"{path}%23",
        *(f"{path}%{code}" for code in ("00", "09", "0a", "0d%0a", "20", "2e", "c0%af", "ff")),
        f"{path}%00.json",
        f"%00{path}",
        f"/%20{path}",
        path.upper() if path.upper() != path else path.title(),
        path.replace("/v1", "/V1") if "/v1" in path else path.title(),
        path.replace("e", "é", 1),
        path.replace("e", "%65%CC%81", 1),
        path.replace("e", "ｅ", 1),
        path.replace("e", "%EF%BD%85", 1),
        path.replace("e", "\u0435", 1),  # Cyrillic
        path.replace("/", "／", 1),
        path.replace("/", "/\u200b", 1),
        path + "\u202e",
    ]


@pytest.mark.parametrize("operation", ONE_OF_EACH_PATH, indirect=True)
def test_alias_of_a_path_is_not_found(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    path = clinic.request(operation, caller)["path"]
    before = state(cluster, database)
    for other in aliases(path):
        if other == path:
            continue
        refuses(send_raw(caller, operation.method, other), 400, 404, case=other)
    assert state(cluster, database) == before


@pytest.mark.parametrize("path", [path for path in PATHS if "{" in path])
def test_id_in_another_form_is_not_found(
    path: str, stranger: Client, clinic: ValidRequests
) -> None:
    method = next(m for m in ("GET", "POST", "DELETE") if f"{m} {path}" in OPERATIONS)
    found = next(o for o in operations(stranger.contract.document) if str(o) == f"{method} {path}")
    caller = clinic.allowed(found)
    own = re.split(r"\{\w+\}", path)
    whole = clinic.request(found, caller)["path"]
    number = whole[len(own[0]) : len(whole) - len(own[1])]
    for other in (
        number.replace("-", ""),
        f"{{{number}}}",
        f"urn:uuid:{number}",
        number[:-1],
        number + "0",
        f"{number},{NOWHERE}",
        f"{number}|{NOWHERE}",
        f"{number}*",
        number.replace("0", "٠"),
        number.replace("0", "０"),
        f"+{number}",
        f"-{number}",
        f"%20{number}",
        f"{number}%00",
        f"'{number}'",
        f"{number[:8]}%2d{number[9:]}" + "x",
    ):
        if other != number:
            refuses(send_raw(caller, method, other.join(own)), 400, 404, case=other)


def overrides(operation: Operation) -> list[dict[str, str]]:
    """All headers together; for some operations also each alone, as one may hide another."""
    alone = operation.id in ALONE
    return [OVERRIDE_HEADERS, *({n: v} for n, v in OVERRIDE_HEADERS.items() if alone)]


def test_operations_with_which_headers_are_sent_alone_exist() -> None:
    assert {operation.id for operation in documented()} >= ALONE


@every_read
def test_override_headers_change_nothing(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    path = clinic.request(operation, caller)["path"]
    plain = send(caller, "GET", path)
    before = state(cluster, database)
    for headers in overrides(operation):
        answer = send(caller, "GET", path, headers=headers)
        assert answer.status_code == plain.status_code == 200, headers
        assert operation.id in (*CHANGE, *MAY_CHANGE) or answer.content == plain.content, headers
        assert "evil.example" not in f"{answer.headers}{answer.text}", headers
    assert state(cluster, database) == before


@pytest.mark.parametrize("operation", LOG_IN_REQUIRED, indirect=True)
def test_override_headers_give_no_access(
    operation: Operation, clinic: ValidRequests, stranger: Client, cluster: Cluster, database: str
) -> None:
    path = clinic.request(operation, clinic.allowed(operation))["path"]
    before = state(cluster, database)
    for headers in [*overrides(operation), {"Authorization": "Basic YWRtaW46YWRtaW4="}]:
        answer = send(stranger, operation.method, path, headers=headers)
        problem(answer, 401, "TM101")
    if "patient" not in operation.roles:
        for headers in overrides(operation):
            answer = send(clinic.patient, operation.method, path, headers=headers)
            problem(answer, 403, "TM301")
    assert state(cluster, database) == before


@every_operation
def test_server_variables_cannot_be_sent(
    operation: Operation, clinic: ValidRequests, stranger: Client
) -> None:
    path = clinic.request(operation, clinic.allowed(operation))["path"]
    for header in VARIABLES:
        answer = send_raw(stranger, operation.method, path, header)
        if operation.roles:
            refuses(answer, 401)
        else:
            assert int(answer.split()[1]) in (200, 422), (header, answer[:300])
        # Otherwise this header would bypass a proxy that filters by path.
        refuses(send_raw(stranger, operation.method, "/x" + path, "SCRIPT_NAME: /x"), 404)


@pytest.mark.parametrize(
    "operation",
    [
        o
        for o in OPERATIONS
        # Without a code or a password in the body these are refused.
        if o.split()[0] in ("GET", "DELETE") and o not in ("DELETE /v1/me", "DELETE /v1/me/mfa")
    ],
    indirect=True,
)
def test_unread_body_is_not_taken_for_a_request(
    operation: Operation, clinic: ValidRequests, stranger: Client
) -> None:
    caller = clinic.allowed(operation)
    path = clinic.request(operation, caller, nowhere=operation.method == "DELETE")["path"]
    expected = send(caller, operation.method, path).status_code
    second_request = request("GET", "/v1/nothing")
    for body in (b"{}", b"{", b'{"role": "admin"}', b"x" * 70_000, second_request):
        answer = send(caller, operation.method, path, data=body)
        assert answer.status_code in (expected, 413), body[:20]
    chunks = (chunk for chunk in (b"x" * 1000, second_request))
    assert send(caller, operation.method, path, data=chunks).status_code == expected

    # The body is not read as a request: the next request on the connection is the one after it.
    credentials = [f"Authorization: Bearer {caller.token}"] if caller.token else []
    length = f"Content-Length: {len(second_request)}"
    first = request(operation.method, path, *credentials, length, body=second_request)
    with connect(caller.url) as connection:
        connection.sendall(first + request("GET", "/health", "Connection: close"))
        answers = re.findall(rb"HTTP/1\.1 (\d{3}) ", everything(connection))
    assert [int(status) for status in answers] in ([expected, 200], [expected])


@pytest.mark.parametrize(
    "operation", [o.id for o in documented() if o.body is not None], indirect=True
)
def test_valid_body_of_another_media_type_changes_nothing(
    operation: Operation, clinic: ValidRequests, cluster: Cluster, database: str
) -> None:
    caller = clinic.allowed(operation)
    valid = clinic.request(operation, caller)
    body = requests.Request("POST", "http://x", json=valid["json"]).prepare().body or b"{}"
    before = state(cluster, database)
    for media_type in (
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/merge-patch+json",
        "application/problem+json",
        "application/jsonp",
        "application/json, text/plain",
        "text/plain; application/json",
        "application",
        "*/*",
        "",
    ):
        headers = valid["headers"] | {"Content-Type": media_type}
        answer = send(caller, operation.method, valid["path"], data=body, headers=headers)
        problem(answer, 415, "HTTP415")
    for encoding in ("gzip", "deflate", "br", "identity, gzip"):
        headers = valid["headers"] | {"Content-Encoding": encoding}
        more = {"data": b"\x1f\x8b\x08\x00", "headers": headers}
        answer = send(caller, operation.method, valid["path"], **more)
        assert answer.status_code in (400, 415), encoding
    assert state(cluster, database) == before


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: unknown\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nNo colon\r\n\r\n", 400),
    ],
)
def test_malformed_request_is_refused_with_every_header(
    stranger: Client, sent: bytes, status: int
) -> None:
    with connect(stranger.url) as connection:
        connection.sendall(sent)
        refuses(everything(connection), status)
