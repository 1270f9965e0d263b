"""Entity tags: answers that a client has already, and changes of a version that is not the last."""

from __future__ import annotations

import re

import pytest
import requests

from api import entity_tags
from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, places, problem, race, statuses

STRONG = re.compile(r'"[0-9a-f]{32}"')


def tag_of(client: Client, path: str = "/v1/me") -> str:
    return client.get(path).headers["ETag"]


def patched(client: Client, body: object, **headers: str) -> tuple[int, str]:
    """The status and the code of a change of the profile."""
    answer = client.send("PATCH", "/v1/me", json=body, headers=headers)
    return answer.status_code, answer.json().get("code", "")


def test_resource_has_a_strong_tag_that_changes_with_it(patient: Client) -> None:
    before = tag_of(patient)
    assert STRONG.fullmatch(before)
    assert tag_of(patient) == before
    changed = patient.patch("/v1/me", {"phone": "030 1234"})
    assert changed.headers["ETag"] != before
    assert tag_of(patient) == changed.headers["ETag"]


def test_tag_is_that_of_the_database(patient: Client, cluster: Cluster, database: str) -> None:
    row = f"api.users as u where u.id = '{patient.id}'"
    query = f"set app.verified_role = 'admin'; select app.entity_tag(u) from {row}"
    assert tag_of(patient) == f'"{cluster.sql(query, database)}"'


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("known", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"other" , W/{tag},"x"', 304),
        ("*", 304),
        ('"other"', 200),
        ("other", 200),
        ("", 200),
    ],
)
def test_answer_that_the_client_has_is_not_sent_again(
    patient: Client, method: str, known: str, status: int
) -> None:
    tag = tag_of(patient)
    headers = {"If-None-Match": known.format(tag=tag)}
    credentials = {"Authorization": f"Bearer {patient.token}"}
    address = patient.url + "/v1/me"
    answer = requests.request(method, address, headers=credentials | headers, timeout=60)
    assert answer.status_code == status
    assert answer.headers["ETag"] == tag
    assert answer.headers["Cache-Control"] == "no-store"
    if status == 304:
        assert answer.content == b""
        assert "Content-Type" not in answer.headers
        assert "Content-Length" not in answer.headers


def test_refusal_has_no_tag(patient: Client, stranger: Client) -> None:
    tag = tag_of(patient)
    for caller in (stranger, patient.holding("x")):
        answer = caller.send("GET", "/v1/me", headers={"If-None-Match": tag})
        problem(answer, 401)
        assert "ETag" not in answer.headers


def test_read_of_a_known_answer_is_in_the_access_log(
    admin: Client, patient: Client, doctor: Client
) -> None:
    path = f"/v1/consultations/{patient.book(doctor.publish())['id']}"
    tag = tag_of(doctor, path)
    assert doctor.send("GET", path, headers={"If-None-Match": tag}).status_code == 304
    entries = ok(admin.get("/v1/admin/access-logs", user_id=doctor.id))["items"]
    assert [entry["operation"] for entry in entries] == ["get_consultation"] * 2


def test_short_list_has_a_tag_and_a_long_one_has_none(patient: Client, doctor: Client) -> None:
    path = f"/v1/doctors/{doctor.id}/slots"
    empty = tag_of(patient, path)
    assert patient.send("GET", path, headers={"If-None-Match": empty}).status_code == 304
    for n in range(30):
        doctor.publish(at(1 + n))
    assert patient.send("GET", path, headers={"If-None-Match": empty}).status_code == 200
    assert "ETag" not in patient.get(path).headers
    assert STRONG.fullmatch(patient.get(path, limit=2).headers["ETag"])


def test_change_of_the_version_that_was_read_succeeds(patient: Client) -> None:
    tag = tag_of(patient)
    assert patched(patient, {"phone": "030 1"}, **{"If-Match": '"x"'}) == (412, "TM501")
    assert patched(patient, {"phone": "030 11"}, **{"If-Match": f'"x", {tag}'}) == (200, "")
    assert ok(patient.get("/v1/me"))["phone"] == "030 11"


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"If-Match": "{old}"}, 412, "TM501"),
        ({"If-Match": "W/{tag}"}, 412, "TM501"),
        ({"If-Match": '"nonsense"'}, 412, "TM501"),
        ({"If-Match": "nonsense"}, 412, "TM501"),
        ({"If-Match": '"\'; drop table users; --"'}, 412, "TM501"),
        ({"If-Match": '"{{NULL,*}}"'}, 412, "TM501"),
        ({"If-Match": '"*"'}, 412, "TM501"),
        ({"If-Match": ","}, 412, "TM501"),
        ({"If-Match": '""'}, 412, "TM501"),
        ({"If-Match": ""}, 428, "TM601"),
        ({}, 428, "TM601"),
        ({"If-Match": "{tag}"}, 200, ""),
        ({"If-Match": "*"}, 200, ""),
    ],
)
def test_change_of_another_version_is_refused(
    patient: Client, given: dict[str, str], status: int, code: str
) -> None:
    old = tag_of(patient)
    before = ok(patient.patch("/v1/me", {"phone": "030 7777"}))
    headers = {name: value.format(old=old, tag=tag_of(patient)) for name, value in given.items()}
    assert patched(patient, {"phone": "030 8888"}, **headers) == (status, code)
    after = ok(patient.get("/v1/me"))
    assert after["phone"] == ("030 8888" if status == 200 else before["phone"])


def test_refusal_of_a_version_names_the_header(patient: Client) -> None:
    for version, status in (('"x"', 412), ("", 428)):
        answer = patient.patch("/v1/me", {"phone": "030 1"}, version=version)
        (error,) = problem(answer, status)["errors"]
        assert error["header"] == "If-Match"


def test_invalid_change_is_refused_before_its_version(patient: Client) -> None:
    answer = patient.patch("/v1/me", {"phone": "call me"}, version='"x"')
    assert places(answer) == ["#/phone"]


def test_concurrent_changes_of_one_version_succeed_once(patient: Client) -> None:
    tag = tag_of(patient)
    calls = [
        lambda n=n: patient.patch("/v1/me", {"phone": f"030 100{n}"}, version=tag) for n in range(8)
    ]
    answers = race(calls)
    assert statuses(answers) == {200: 1, 412: 7}
    (changed,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert ok(patient.get("/v1/me")) == changed


def test_version_of_a_read_is_compared(patient: Client) -> None:
    for version, status in (
        (tag_of(patient), 200),
        ("*", 200),
        ('"x"', 412),
        (f"W/{tag_of(patient)}", 412),
    ):
        answer = patient.send("GET", "/v1/me", headers={"If-Match": version})
        assert answer.status_code == status, version


def test_version_of_a_route_without_versions_is_refused(patient: Client, doctor: Client) -> None:
    slot = doctor.publish()
    body, key = {"slot_id": slot["id"]}, {"Idempotency-Key": new_key()}
    answer = patient.send("POST", "/v1/consultations", json=body, headers={"If-Match": '"x"'} | key)
    assert problem(answer, 412, "HTTP412")["errors"][0]["header"] == "If-Match"
    assert ok(patient.get("/v1/consultations"))["items"] == []
    answer = doctor.send("DELETE", f"/v1/slots/{slot['id']}", headers={"If-Match": '"x"'})
    problem(answer, 412, "HTTP412")
    answer = patient.send("POST", "/v1/consultations", json=body, headers={"If-Match": "*"} | key)
    assert ok(answer, 201)["slot_id"] == slot["id"]


def test_tag_of_a_compressed_answer_names_the_same_version() -> None:
    tag = entity_tags.tag_of(b"{}")
    compressed = entity_tags.of_compressed(tag)
    assert compressed == f'"{tag[1:-1]}-gzip"'
    for known in (tag, compressed, f"W/{compressed}"):
        assert entity_tags.is_known(tag, known)
        assert not entity_tags.is_known(entity_tags.tag_of(b"[]"), known)
    entity_tags.require_match(tag, compressed)


def test_tag_does_not_depend_on_the_spelling_of_utc() -> None:
    plain = b'{"created_at":"2027-01-05T09:00:00+00:00"}'
    assert entity_tags.tag_of(plain) == entity_tags.tag_of(plain.replace(b"+00:00", b"Z"))
    assert entity_tags.tag_of(plain) != entity_tags.tag_of(plain.replace(b"+00:00", b"+01:00"))
