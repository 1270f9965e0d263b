"""Random arguments for functions: sensible ones, and extreme or invalid ones."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from datetime import timedelta

from scripts.cluster import THROWAWAY_CONTEXT_KEY
from tests.support.client import at
from tests.support.clinic import HASH, Clinic

MEGABYTE = 1_000_000
# At and beyond the limits of PostgreSQL and of the product; also text that the server parses.
TEXTS = (
    *("", " ", "\n\t\r", "'", '"', "\\", "\\'", "';--", "$$", "$1", "%s%n", "%", "_", "|", "a|b|c"),
    *("null", "NULL", "-1", "0", "1e400", "NaN", "infinity", "now", "{}", "[]", '{"a": 1}'),
    *(
        "\u202e\u2066\u200f",
        "\u2028",
        "\ufeff",
        "\ufffe",
        "\U0010ffff",
        "\x01\x7f\x1b[0m",
        "İ",
        "ß",
    ),
    *(
        "e\u0301" * 300,
        "👩‍⚕️" * 10,
        "x" * 200,
        "x" * 201,
        "x" * 4001,
        "../../etc/passwd",
        "a@b",
        "@",
    ),
    *("x" * MEGABYTE, "😀" * (MEGABYTE // 4), "'" * MEGABYTE, "(" * 10_000),
)
UUIDS = (
    *("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"),
    *("018f0000-0000-7000-8000-000000000000", "{018F0000-0000-7000-8000-000000000000}"),
    *("", "no uuid", "018f0000", "0" * MEGABYTE),
)
TIMES = (
    *("infinity", "-infinity", "epoch", "now", "294276-12-31 23:59:59.999999+00"),
    *("4713-01-01 00:00:00+00 BC", "9999-12-31 23:59:59.999999+00", "10000-01-01 00:00:00+00"),
    *("1900-01-01 00:00:00+00", "1899-12-31 23:59:59+00", "2024-06-30 23:59:60+00"),
    *("294277-01-01 00:00:00+00", "2024-02-30", "", "no time", "2024-01-01 00:00:00+99"),
)
DATES = (
    *("infinity", "-infinity", "5874897-12-31", "4713-01-01 BC", "0001-01-01", "2200-01-02"),
    *("1869-12-31", "5874898-01-01", "2024-02-30", "", "no date"),
)
CLOCKS = ("00:00", "24:00", "23:59:59.999999", "12:00", "24:00:01", "-1", "", "no clock")
NUMBERS = ("0", "-1", "1", "32767", "2147483647", "-2147483648", "2147483648", "", "1.5", "NaN")
BIG_NUMBERS = (*NUMBERS, "9223372036854775807", "-9223372036854775808", "9223372036854775808")
ARRAYS = (
    *("{}", "{NULL}", "{0}", "{8}", "{1,1,1}", "{{1,2},{3,4}}", "[0:2]={1,2,3}", "{", "", "{x}"),
    "{" + ",".join(["1"] * 10_000) + "}",
)
ITEM = '{"drug": "x", "dosage": "y"'
DOCUMENTS = (
    *("null", "true", "1", '"x"', "[]", "{}", "[null]", "[[]]", "[{}]", "{", "", "[1, 2"),
    *('[{"drug": null, "dosage": null}]', '[{"drug": 1, "dosage": []}]', f"[{ITEM}, {ITEM}}}]"),
    *(f'[{ITEM}, "duration_days": {value}}}]' for value in (1e400, -1, 0.5, "[]", "{}", '"x"')),
    *(f'[{ITEM}, "duration_days": {value}}}]' for value in ("true", "99999", "1e400", '"7"')),
    *(f'[{ITEM}, "instructions": {value}}}]' for value in ("{}", '"\\u0000"', '"\\ud800"', "1")),
    *(f'[{ITEM}, "more": 1}}]', f'[{ITEM}, "drug": "z"}}]', "[" + "1," * 50 + "1]"),
    *("[" * n + "]" * n for n in (100, 1000, 100_000)),
    *('{"a":' * n + "1" + "}" * n for n in (1000, 100_000)),
    json.dumps([{"drug": "x" * MEGABYTE, "dosage": "y"}]),
    "1" * 100_000,
)
BY_TYPE: dict[str, Sequence[str]] = {
    "text": TEXTS,
    "uuid": UUIDS,
    "timestamp with time zone": TIMES,
    "date": DATES,
    "time without time zone": CLOCKS,
    "smallint": NUMBERS,
    "integer": NUMBERS,
    "bigint": BIG_NUMBERS,
    "numeric": BIG_NUMBERS,
    "boolean": ("true", "false", "", "perhaps"),
    "jsonb": DOCUMENTS,
    "json": DOCUMENTS,
}


class Values:
    """Draws arguments. `look_around` reads the ids of rows that exist."""

    def __init__(self, clinic: Clinic, chance: random.Random) -> None:
        self._clinic = clinic
        self._chance = chance
        self._ids: dict[str, list[str]] = {}
        self._scheduled: dict[str, list[str]] = {}
        self._numbers: list[str] = []
        self.look_around()

    def draw(self, user_id: str, name: str, type_: str, sense: float) -> str | None:
        """An argument as text, or null; one that makes sense with the probability `sense`."""
        if self._chance.random() < sense:
            return self._sensible(user_id, name, type_)
        if self._chance.random() < 0.2:
            return None
        if self._chance.random() < 0.2:
            return self._chance.choice(self._chance.choice(list(self._ids.values())))
        return self._chance.choice(BY_TYPE.get(type_) or (ARRAYS if "[]" in type_ else TEXTS))

    def look_around(self) -> None:
        """Read the ids of rows: the newest fifty of each kind."""
        kinds = {
            "user": "select id::text from app.users order by created_at desc",
            "email": "select email::text from app.users order by created_at desc",
            "doctor": "select user_id::text from app.doctors order by user_id desc",
            "slot": "select id::text from app.availability_slots where status <> 'open'"
            " order by id desc",
            "open slot": "select id::text from app.availability_slots where status = 'open'"
            " order by starts_at",
            "consultation": "select id::text from app.consultations order by id desc",
            "payment": "select id::text from app.payments order by id desc",
            "prescription": "select id::text from app.prescriptions order by id desc",
            "time off": "select id::text from app.time_off order by id desc",
            "session": "select id::text from app.sessions order by id desc",
            "key id": "select id::text from app.context_keys",
            "webhook": "select id::text from app.webhook_endpoints order by id desc",
        }
        for kind, query in kinds.items():
            self._ids[kind] = [id_ for (id_,) in self._clinic.rows(f"{query} limit 50")] or [""]
        scheduled = """
            select u.id::text, array_agg(c.id::text order by c.id)
              from app.consultations as c join app.users as u on u.id in (c.patient_id, c.doctor_id)
             where c.status = 'scheduled' group by 1"""
        self._scheduled = dict(self._clinic.rows(scheduled))
        numbers = "select id::text from app.audit_logs order by id desc limit 50"
        self._numbers = [id_ for (id_,) in self._clinic.rows(numbers)]

    def _sensible(self, user_id: str, name: str, type_: str) -> str | None:
        chance = self._chance
        own = self._scheduled.get(user_id) or self._ids["consultation"]
        one_of = chance.choice
        start = at(2, 0) + timedelta(minutes=30 * chance.randrange(1000))
        a_few_days = at(chance.randrange(1, 21)).date().isoformat()
        by_name: dict[str, Callable[[], object]] = {
            "slot_id": lambda: one_of(self._ids[one_of(("open slot", "open slot", "slot"))]),
            "consultation_id": lambda: one_of(one_of((own, self._ids["consultation"]))),
            "payment_id": lambda: one_of(self._ids["payment"]),
            "webhook_id": lambda: one_of(self._ids["webhook"]),
            "doctor_id": lambda: one_of(self._ids["doctor"]),
            "time_off_id": lambda: one_of(self._ids["time off"]),
            "session_id": lambda: one_of(self._ids["session"]),
            "user_id": lambda: one_of(self._ids["user"]),
            "user": lambda: one_of(self._ids[one_of(("user", "email"))]),
            "id": lambda: one_of(self._ids["key id"]),
            "row_id": lambda: one_of(self._ids[one_of(("consultation", "slot"))]),
            "email": lambda: one_of((f"{chance.random()}@fuzz.test", one_of(self._ids["email"]))),
            "password_hash": lambda: one_of((HASH, "$2b$04$" + "a" * 53)),
            "full_name": lambda: one_of(("Fay Fuzz", "فاطمة", "O’Neill", "x" * 200)),
            "phone": lambda: one_of(("+49 30 1234567", "none")),
            "date_of_birth": lambda: one_of(("1980-02-29", "1870-01-01")),
            "specialty": lambda: one_of(("Dermatology", "cardiology")),
            "language": lambda: one_of(("de", "es", "xx", "pt-BR")),
            "languages": lambda: one_of(("{de,es}", "{es}", "{es,es}")),
            "clear": lambda: one_of(("{phone,language}", "{biography}", "{}", "{full_name}")),
            "q": lambda: one_of(("fuzz", "dermatolgy", "näme", "% _")),
            "max_fee_minor": lambda: one_of((0, 5000, 10**12)),
            "sort": lambda: one_of(("relevance", "next_free")),
            "between": lambda: one_of(("08:00-12:00", "22:00-06:00", "17:00-17:00")),
            "practising_since": lambda: one_of((1998, 1899)),
            "photo_url": lambda: one_of(("https://clinic.example/1.jpg", "http://x.example")),
            "time_zone": lambda: one_of(("Europe/Berlin", "America/New_York", "UTC")),
            "kind": lambda: one_of(("read", "reminder", "payment")),
            "fee_minor": lambda: one_of((0, 5000, 10**12)),
            "amount_minor": lambda: one_of((1, 100, 5000)),
            "currency": lambda: one_of(("EUR", "EUR", "JPY")),
            "method": lambda: one_of(("card", "cash")),
            "status": lambda: one_of(("scheduled", "completed", "cancelled")),
            "operation": lambda: one_of(("INSERT", "UPDATE", "DELETE")),
            "table_name": lambda: one_of(("consultations", "users", "payments")),
            "limit": lambda: one_of((1, 2, 50, 1000)),
            "cost": lambda: one_of((4, 12)),
            "starts_at": lambda: start.isoformat(),
            "ends_at": lambda: (start + timedelta(minutes=one_of((30, 30, 30, 600)))).isoformat(),
            "start_time": lambda: one_of(("08:00", "00:00", "22:30")),
            "end_time": lambda: one_of(("10:00", "12:00", "23:59")),
            "slot_minutes": lambda: one_of((15, 30, 60)),
            "weekdays": lambda: one_of(("{1,2,3,4,5}", "{7}", "{3,1}")),
            "items": lambda: one_of(("[" + ITEM + "}]", "[" + f"{ITEM}}}," * 49 + ITEM + "}]")),
            "idempotency_key": lambda: f"key {chance.randrange(30)}",
            "versions": lambda: one_of(("{*}", "{x}")),
            "refresh_token": lambda: one_of(
                [v for k, v in self._clinic.ids.items() if k.startswith("refresh token")]
            ),
            "key": lambda: one_of(("k" * 32, "k" * 1024, THROWAWAY_CONTEXT_KEY)),
            "since": lambda: one_of((None, "now", "2026-01-01")),
        }
        by_type: dict[str, Callable[[], object]] = {
            "uuid": lambda: one_of(one_of(list(self._ids.values()))),
            "bigint": lambda: one_of(self._numbers),
            "integer": lambda: chance.randrange(100),
            "date": lambda: a_few_days,
            "timestamp with time zone": lambda: start.isoformat(),
            "text": lambda: "fuzz",
        }
        draw = by_name.get(name.removeprefix("p_")) or by_type.get(type_) or (lambda: None)
        value = draw()
        return value if value is None else str(value)
