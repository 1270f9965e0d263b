"""Compressed answers."""

from __future__ import annotations

import gzip

import pytest
import requests
from urllib3 import HTTPResponse

from tests.support.client import PASSWORD, Client, at


def raw(
    client: Client, method: str, path: str, body: object = None, **headers: str
) -> tuple[requests.Response, bytes]:
    """An answer, and its body as it was sent."""
    credentials = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    answer = requests.request(
        method,
        client.url + path,
        headers=credentials | headers,
        json=body,
        stream=True,
        timeout=60,
    )
    assert isinstance(answer.raw, HTTPResponse)
    return answer, answer.raw.read(decode_content=False)


@pytest.fixture
def long_list(doctor: Client) -> str:
    """The path of a list of about 6 KiB."""
    for n in range(30):
        doctor.publish(at(1 + n))
    return f"/v1/doctors/{doctor.id}/slots"


def test_long_answer_is_compressed_for_a_client_that_accepts_it(
    patient: Client, long_list: str
) -> None:
    plain, body = raw(patient, "GET", long_list, **{"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.headers["Vary"] == "Accept-Encoding"
    answer, compressed = raw(patient, "GET", long_list, **{"Accept-Encoding": "br, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["Content-Length"] == str(len(compressed))
    assert answer.headers["Content-Type"] == "application/json"
    assert len(compressed) < len(body) / 3
    assert gzip.decompress(compressed) == body
    head, nothing = raw(patient, "HEAD", long_list, **{"Accept-Encoding": "gzip"})
    assert nothing == b""
    assert head.headers["Content-Encoding"] == "gzip"
    assert head.headers["Content-Length"] == str(len(compressed))


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip;q=0.1, identity", True),
        ("*", True),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("br", False),
        ("deflate, zstd", False),
        ("x-nothing, gzipped", False),
        ("", False),
        (";;,,q=", False),
    ],
)
def test_only_an_accepted_coding_is_used(
    patient: Client, long_list: str, accepted: str, is_compressed: bool
) -> None:
    answer, _ = raw(patient, "GET", long_list, **{"Accept-Encoding": accepted})
    assert answer.status_code == 200
    assert ("Content-Encoding" in answer.headers) == is_compressed


def test_compressed_answer_has_a_tag_of_its_own(patient: Client, long_list: str) -> None:
    path = f"{long_list}?limit=12"
    plain, body = raw(patient, "GET", path, **{"Accept-Encoding": "identity"})
    assert 1400 < len(body) < 4096
    tag = plain.headers["ETag"]
    answer, _ = raw(patient, "GET", path, **{"Accept-Encoding": "gzip"})
    assert answer.headers["ETag"] == f'{tag[:-1]}-gzip"'
    for known in (tag, answer.headers["ETag"]):
        for accepted in ("gzip", "identity"):
            headers = {"Accept-Encoding": accepted, "If-None-Match": known}
            again, body = raw(patient, "GET", path, **headers)
            assert again.headers["Vary"] == "Accept-Encoding"
            assert (again.status_code, body) == (304, b"")


def test_short_answer_is_not_compressed(patient: Client) -> None:
    answer, body = raw(patient, "GET", "/v1/me", **{"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert "Vary" not in answer.headers
    assert patient.email.encode() in body


def test_answer_with_tokens_or_secrets_is_not_compressed(patient: Client, stranger: Client) -> None:
    accepts = {"Accept-Encoding": "gzip"}
    login = {"email": patient.email, "password": PASSWORD}
    for caller, path, body, member in (
        (stranger, "/v1/auth/login", login, "access_token"),
        (patient, "/v1/me/mfa", {}, "secret"),
    ):
        answer, sent = raw(caller, "POST", path, body, **accepts)
        assert f'"{member}"'.encode() in sent
        assert "Content-Encoding" not in answer.headers
    enrolment, sent = raw(patient, "POST", "/v1/me/mfa", {}, **accepts)
    assert len(sent) > 1400  # a GET of this length is compressed
    assert "Content-Encoding" not in enrolment.headers


def test_problem_is_not_compressed(stranger: Client) -> None:
    answer, _ = raw(stranger, "GET", "/v1/me", **{"Accept-Encoding": "gzip"})
    assert answer.status_code == 401
    assert "Content-Encoding" not in answer.headers
