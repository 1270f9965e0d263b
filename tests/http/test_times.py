"""Times of answers end with Z, and no other text changes."""

from __future__ import annotations

import pytest

from api import times
from scripts.server import Cluster
from tests.support.client import Client, at, new_key, ok, problem
from tests.support.client import times as times_in
from tests.support.people import People

NAMES_OF_TIMES = """
    select string_agg(distinct a.attname, ' ')
      from pg_attribute as a
      join pg_class as c on c.oid = a.attrelid
      join pg_type as t on t.oid = a.atttypid
     where a.attnum > 0
       and (c.relnamespace = 'api'::regnamespace
            or c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p'))
       and 'timestamptz'::regtype in (t.oid, t.typbasetype)
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"starts_at":"2027-01-05T09:00:00+00:00"}', '{"starts_at":"2027-01-05T09:00:00Z"}'),
        ('{"a_at":"2027-01-05T09:00:00.123456+00:00"}', '{"a_at":"2027-01-05T09:00:00.123456Z"}'),
        # A text of a user that ends like a time, beside a time.
        (
            '{"reason":"at 10:00+00:00","ends_at":"2027-01-05T09:00:00+00:00"}',
            '{"reason":"at 10:00+00:00","ends_at":"2027-01-05T09:00:00Z"}',
        ),
        # Two of them, and a time that is null: as many as there are keys.
        (
            '{"notes":"10:00+00:00","a_at":null,"b_at":"2027-01-05T09:00:00+00:00","c":"+00:00"}',
            '{"notes":"10:00+00:00","a_at":null,"b_at":"2027-01-05T09:00:00Z","c":"+00:00"}',
        ),
        # As many + as keys, but not those of the times.
        (
            '{"phone":"+49 30 901820","a_at":"infinity"}',
            '{"phone":"+49 30 901820","a_at":"infinity"}',
        ),
        (
            '{"notes":"+00:00","a_at":"infinity","b_at":"2027-01-05T09:00:00+00:00","c":"1+1"}',
            '{"notes":"+00:00","a_at":"infinity","b_at":"2027-01-05T09:00:00Z","c":"1+1"}',
        ),
        # A text that looks like a member of the answer.
        (
            r'{"reason":"\"a_at\":\"2027-01-05T09:00:00+00:00\"","a_at":"2027-01-05T09:00:00+00:00"}',
            r'{"reason":"\"a_at\":\"2027-01-05T09:00:00+00:00\"","a_at":"2027-01-05T09:00:00Z"}',
        ),
        # A whole text that is a time.
        ('{"reason":"2027-01-05T09:00:00+00:00"}', '{"reason":"2027-01-05T09:00:00+00:00"}'),
        # jsonb has a space.
        (
            '{"old":{"spent_at": "2027-01-05T09:00:00+00:00"}}',
            '{"old":{"spent_at": "2027-01-05T09:00:00Z"}}',
        ),
        ('{"a_at":"2027-01-05T09:00:00+01:00"}', '{"a_at":"2027-01-05T09:00:00+01:00"}'),
        ("", ""),
    ],
)
def test_only_times_get_a_z(body: str, expected: str) -> None:
    assert times.with_z(body.encode()).decode() == expected


def test_names_of_all_times_are_known(cluster: Cluster, database: str) -> None:
    names = cluster.sql(NAMES_OF_TIMES, database).split()
    assert {"starts_at", "created_at", "sealed_at"} <= set(names)
    assert [name for name in names if not name.endswith("_at")] == []


def test_times_of_answers_end_with_z(doctor: Client, patient: Client, admin: Client) -> None:
    slot = doctor.publish()
    booked = patient.book(slot, reason="since 10:00+00:00")
    assert booked["reason"] == "since 10:00+00:00"
    listed = ok(patient.get("/v1/consultations"))
    rows = ok(admin.get("/v1/admin/audit-logs", row_id=booked["id"]))
    found = [*times_in(slot), *times_in(booked), *times_in(listed), *times_in(rows)]
    assert len(found) > 12
    assert [time for time in found if not time.endswith("Z")] == []
    assert listed["items"] == [booked]


def test_times_of_alternatives_end_with_z(doctor: Client, new_patient: People) -> None:
    slot, later = doctor.publish(), doctor.publish(at(1, 11))
    new_patient().book(slot)
    body = {"slot_id": slot["id"]}
    refused = problem(new_patient().post("/v1/consultations", body, key=new_key()), 409, "TM901")
    assert sorted(times_in(refused)) == [later["starts_at"], later["ends_at"]]
