"""The headers Location of new resources, and Link of pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from requests.utils import parse_header_links

from api import links
from tests.support.client import PASSWORD, Client, at, new_key, ok

Made = Callable[[Client, Client, Client], tuple[Client, requests.Response]]
CARD = {"amount_minor": 2000, "currency": "EUR", "method": "card"}


def published(doctor: Client, _patient: Client, _admin: Client) -> tuple[Client, requests.Response]:
    body = {"starts_at": at(1, 9).isoformat(), "ends_at": at(1, 10).isoformat()}
    return doctor, doctor.post("/v1/slots", body)


def took_time_off(
    doctor: Client, _patient: Client, _admin: Client
) -> tuple[Client, requests.Response]:
    body = {"starts_at": at(1, 9).isoformat(), "ends_at": at(1, 10).isoformat()}
    return doctor, doctor.post("/v1/time-off", body)


def booked(doctor: Client, patient: Client, _admin: Client) -> tuple[Client, requests.Response]:
    body = {"slot_id": doctor.publish()["id"]}
    return patient, patient.post("/v1/consultations", body, key=new_key())


def onboarded(_doctor: Client, _patient: Client, admin: Client) -> tuple[Client, requests.Response]:
    practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin", "fee_minor": 1}
    account = {"email": f"{new_key()}@clinic.test", "password": PASSWORD, "full_name": "Dora"}
    return admin, admin.post("/v1/admin/doctors", {**account, **practice, "currency": "EUR"})


def prescribed(doctor: Client, patient: Client, _admin: Client) -> tuple[Client, requests.Response]:
    consultation = doctor.complete(patient.book(doctor.publish()))
    body = {"items": [{"drug": "Ibuprofen", "dosage": "400 mg"}]}
    path = f"/v1/consultations/{consultation['id']}/prescriptions"
    return patient, doctor.post(path, body)


def paid(doctor: Client, patient: Client, admin: Client) -> tuple[Client, requests.Response]:
    path = f"/v1/consultations/{patient.book(doctor.publish())['id']}/payments"
    return patient, admin.post(path, CARD, key=new_key())


def refunded(doctor: Client, patient: Client, admin: Client) -> tuple[Client, requests.Response]:
    _, payment = paid(doctor, patient, admin)
    path = f"/v1/payments/{payment.json()['id']}/refunds"
    return patient, admin.post(path, {"amount_minor": 1}, key=new_key())


@pytest.mark.parametrize(
    "make", [published, took_time_off, booked, onboarded, prescribed, paid, refunded]
)
def test_new_resource_is_read_at_its_location(
    make: Made, doctor: Client, patient: Client, admin: Client
) -> None:
    reader, answer = make(doctor, patient, admin)
    made = ok(answer, 201)
    found = ok(reader.get(answer.headers["Location"]))
    both = made.keys() & found.keys()
    assert "id" in both
    assert {name: made[name] for name in both} == {name: found[name] for name in both}


def test_location_of_an_account_and_of_weekly_slots_can_be_read(
    stranger: Client, doctor: Client, patient: Client
) -> None:
    body = {"email": f"{new_key()}@clinic.test", "password": PASSWORD, "full_name": "Pat"}
    assert stranger.post("/v1/auth/signup", body).headers["Location"] == "/v1/me"
    weekly = {
        "from": str(at(7).date()),
        "to": str(at(13).date()),
        "weekdays": [1],
        "start_time": "09:00",
        "end_time": "10:00",
        "slot_minutes": 30,
    }
    answer = doctor.post("/v1/slots/recurring", weekly)
    listed = ok(patient.get(answer.headers["Location"]))["items"]
    assert listed == ok(answer, 201)["items"]


def test_replay_has_the_location_of_the_first_answer(doctor: Client, patient: Client) -> None:
    body, key = {"slot_id": doctor.publish()["id"]}, new_key()
    first, second = (patient.post("/v1/consultations", body, key=key) for _ in range(2))
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]


def test_every_new_resource_has_a_documented_location(stranger: Client) -> None:
    created = [
        operation["responses"]["201"]
        for methods in stranger.contract.document["paths"].values()
        for method, operation in methods.items()
        if method == "post" and "201" in operation["responses"]
    ]
    assert len(created) >= 10
    assert all("Location" in answer["headers"] for answer in created)


def test_link_leads_through_all_pages_with_the_same_filters(
    doctor: Client, patient: Client
) -> None:
    for n in range(5):
        doctor.publish(at(1 + n))
    query = {"from": at(1).isoformat(), "limit": "2", "order": "-starts_at"}
    whole = ok(patient.get(f"/v1/doctors/{doctor.id}/slots", **query))
    path = f"/v1/doctors/{doctor.id}/slots"
    answer = patient.send("GET", path, params=query)
    pages = [answer]
    while "Link" in answer.headers:
        (link,) = parse_header_links(answer.headers["Link"])
        assert link["rel"] == "next"
        parts = urlsplit(link["url"])
        assert parts.path == path
        cursor = answer.json()["next_cursor"]
        assert parse_qs(parts.query) == {n: [v] for n, v in {**query, "cursor": cursor}.items()}
        answer = patient.send("GET", link["url"])
        pages.append(answer)
    assert [len(ok(page)["items"]) for page in pages] == [2, 2, 1]
    assert ok(pages[0]) == whole
    assert pages[-1].json()["next_cursor"] is None


BODY = b'{"items" : [], "next_cursor" : "abc_-1"}'


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("", "/v1/x?cursor=abc_-1"),
        ("limit=2", "/v1/x?limit=2&cursor=abc_-1"),
        ("cursor=old&limit=2", "/v1/x?limit=2&cursor=abc_-1"),
        ("limit=2&c%75rsor=old", "/v1/x?limit=2&cursor=abc_-1"),
        ("&&limit=2&", "/v1/x?limit=2&cursor=abc_-1"),
        ("q=a+b%20c", "/v1/x?q=a+b%20c&cursor=abc_-1"),
        ('q=">; rel="x"', "/v1/x?q=%22%3E;%20rel=%22x%22&cursor=abc_-1"),
        ("q=Kr\xc3\xa1l\r\nX: y", "/v1/x?q=Kr%C3%A1l%0D%0AX:%20y&cursor=abc_-1"),
    ],
)
def test_link_keeps_the_other_parameters_and_no_character_that_ends_it(
    query: str, target: str
) -> None:
    assert links.next_page("/v1/x", query, BODY) == f'<{target}>; rel="next"'


@pytest.mark.parametrize(
    "body",
    [
        b'{"items" : [], "next_cursor" : null}',
        b'{"items" : [{"note" : "\\"next_cursor\\" : \\"abc\\"}"}], "next_cursor" : null}',
        b'{"next_cursor" : "abc", "items" : []}',
    ],
)
def test_last_page_has_no_link(body: bytes) -> None:
    assert links.next_page("/v1/x", "limit=1", body) is None
