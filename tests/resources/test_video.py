"""Video rooms of consultations: who gets a token for which room, and when."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from livekit.api import TokenVerifier

from api import config, video
from scripts.server import Cluster
from tests.support.client import (
    PASSWORD,
    Client,
    Contract,
    at,
    new_key,
    ok,
    problem,
    race,
)
from tests.support.people import create_admin, log_in
from tests.support.server import VIDEO_SECRET, Server, environment, serve, wait_for

LIVEKIT = TokenVerifier("clinic", VIDEO_SECRET, leeway=timedelta(0))
JITSI = {
    "VIDEO_PROVIDER": "jitsi",
    "JITSI_URL": "http://Meet.clinic.test:8443",
    "JITSI_APP_ID": "telemedicine",
    "JITSI_SECRET": VIDEO_SECRET,
}
BRIEFLY = timedelta(minutes=5)  # so much time a test may take
NOW = timedelta()


@dataclass
class Clinic:
    """A clinic whose video rooms are open as after a deployment, unlike those of other tests."""

    cluster: Cluster
    database: str
    server: Server
    stranger: Client
    admin: Client
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_patient(self) -> Client:
        email = f"patient{next(self.numbers)}@clinic.test"
        body = {"email": email, "password": PASSWORD, "full_name": "Pat Patient"}
        ok(self.stranger.post("/v1/auth/signup", body), 201)
        return log_in(self.stranger, email)

    def new_doctor(self) -> Client:
        email = f"doctor{next(self.numbers)}@clinic.test"
        account = {"email": email, "password": PASSWORD, "full_name": "Dora Doctor"}
        practice = {"specialty": "Dermatology", "time_zone": "Europe/Berlin"}
        money = {"fee_minor": 5000, "currency": "EUR"}
        ok(self.admin.post("/v1/admin/doctors", {**account, **practice, **money}), 201)
        return log_in(self.stranger, email)

    def slot(self, doctor: Client) -> dict[str, Any]:
        """A slot on a day of its own."""
        return doctor.publish(at(next(self.numbers)))

    def booking(self, doctor: Client, patient: Client, starts_in: timedelta) -> dict[str, Any]:
        """A consultation of half an hour that starts at any time, also in the past."""
        booked = patient.book(self.slot(doctor))
        self.move(booked, starts_in)
        return booked

    def move(self, booked: dict[str, Any], starts_in: timedelta) -> None:
        """Change when a consultation takes place, which no function can do."""
        start = datetime.now(UTC) + starts_in
        times = f"starts_at = '{start}', ends_at = '{start + timedelta(minutes=30)}'"
        self.cluster.sql(
            f"""
            set session_replication_role = replica;
            update app.consultations set {times} where id = '{booked["id"]}';
            update app.availability_slots as s set {times}
            from app.consultations as c where c.slot_id = s.id and c.id = '{booked["id"]}';
            """,
            self.database,
        )


@pytest.fixture(scope="module")
def clinic(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    name = new_database()
    cluster.sql("update app.clinic_settings set video_lead = default", name)
    create_admin(cluster.url(name), "chief@clinic.test")
    log = tmp_path_factory.mktemp("video") / "log"
    with serve(cluster.url(name, "telemed_api"), log, WEB_CONCURRENCY="1") as server:
        wait_for(server.url + "/health/ready", 200)
        document = requests.get(server.url + "/openapi.json", timeout=60).json()
        stranger = Client(server.url, Contract(document))
        admin = log_in(stranger, "chief@clinic.test")
        yield Clinic(cluster, name, server, stranger, admin)


@pytest.fixture
def patient(clinic: Clinic) -> Client:
    return clinic.new_patient()


@pytest.fixture
def doctor(clinic: Clinic) -> Client:
    return clinic.new_doctor()


def path(booked: dict[str, Any]) -> str:
    return f"/v1/consultations/{booked['id']}/join"


def room(answer: dict[str, Any]) -> str:
    """The room of a token of LiveKit."""
    return str(LIVEKIT.verify(answer["token"]).video.room)


def seconds(text: str) -> float:
    """A time of an answer, in seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


# LiveKit


def test_patient_and_doctor_get_tokens_for_one_room(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    for person, name in ((patient, "Pat Patient"), (doctor, "Dora Doctor")):
        answer = person.post(path(booked))
        assert answer.headers["Cache-Control"] == "no-store"
        joined = ok(answer)
        assert (joined["provider"], joined["url"]) == ("livekit", "wss://video.clinic.test")
        claims = LIVEKIT.verify(joined["token"])
        assert (claims.identity, claims.name) == (person.id, name)
        assert claims.video is not None
        assert claims.video.room_join
        assert claims.video.room == room(ok(patient.post(path(booked))))
    for key, secret in (("another", VIDEO_SECRET), ("clinic", VIDEO_SECRET[::-1])):
        with pytest.raises(jwt.InvalidTokenError):
            TokenVerifier(key, secret).verify(joined["token"])


def test_token_of_livekit_states_every_claim(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    began = int(time.time())
    joined = ok(patient.post(path(booked)))
    header = jwt.get_unverified_header(joined["token"])
    assert header == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(joined["token"], VIDEO_SECRET, algorithms=["HS256"])
    assert set(claims) == {"iss", "sub", "name", "iat", "nbf", "exp", "jti", "video"}
    assert claims["video"] == {
        "room": room(joined),
        "roomJoin": True,
        "canPublish": True,
        "canSubscribe": True,
        "canPublishData": True,
    }
    assert began <= claims["iat"] <= time.time()
    assert claims["nbf"] <= claims["iat"]
    assert claims["exp"] == claims["iat"] + 600 == seconds(joined["expires_at"])


def test_second_join_gets_a_fresh_token_for_the_same_room(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    answers = [ok(answer) for answer in race([lambda: patient.post(path(booked))] * 8)]
    answers.append(ok(patient.post(path(booked))))
    assert len({room(answer) for answer in answers}) == 1
    ids = {jwt.decode(a["token"], VIDEO_SECRET, algorithms=["HS256"])["jti"] for a in answers}
    assert len(ids) == len(answers)


def test_rooms_of_two_consultations_differ(clinic: Clinic, patient: Client, doctor: Client) -> None:
    earlier = clinic.booking(doctor, patient, timedelta(minutes=-31))
    later = clinic.booking(doctor, patient, NOW)
    assert room(ok(doctor.post(path(earlier)))) != room(ok(doctor.post(path(later))))


def test_room_changes_with_a_reschedule(clinic: Clinic, patient: Client, doctor: Client) -> None:
    booked = clinic.booking(doctor, patient, timedelta(minutes=10))
    before = room(ok(patient.post(path(booked))))
    body = {"slot_id": clinic.slot(doctor)["id"]}
    ok(patient.post(f"/v1/consultations/{booked['id']}/reschedule", body, key=new_key()))
    problem(patient.post(path(booked)), 409, "TM940")
    # Not at the time of the first slot, which is open again.
    clinic.move(booked, timedelta(minutes=-25))
    after = {room(ok(person.post(path(booked)))) for person in (patient, doctor)}
    assert len(after) == 1
    assert before not in after


# The window


@pytest.mark.parametrize(
    ("starts_in", "is_open"),
    [
        (timedelta(days=30), False),
        (timedelta(minutes=15) + BRIEFLY, False),
        (timedelta(minutes=15) - BRIEFLY, True),
        (timedelta(minutes=-30), True),
        (timedelta(minutes=-60) + BRIEFLY, True),
        (timedelta(minutes=-60) - BRIEFLY, False),
        (timedelta(days=-30), False),
    ],
    ids=str,
)
def test_room_is_open_from_before_the_start_until_after_the_end(
    clinic: Clinic, patient: Client, doctor: Client, starts_in: timedelta, is_open: bool
) -> None:
    booked = clinic.booking(doctor, patient, starts_in)
    start = datetime.fromisoformat(
        ok(patient.get(f"/v1/consultations/{booked['id']}"))["starts_at"]
    )
    for person in (patient, doctor):
        answer = person.post(path(booked))
        told = ok(answer) if is_open else problem(answer, 409, "TM940")
        assert datetime.fromisoformat(told["opens_at"]) == start - timedelta(minutes=15)
        assert datetime.fromisoformat(told["closes_at"]) == start + timedelta(minutes=60)
        assert told["opens_at"].endswith("Z")
        if not is_open:
            verb = "can be joined from" if starts_in > NOW else "could be joined until"
            assert verb in told["detail"]


def test_token_is_not_valid_longer_than_the_room_is_open(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, timedelta(minutes=-60) + BRIEFLY)
    joined = ok(patient.post(path(booked)))
    claims = jwt.decode(joined["token"], VIDEO_SECRET, algorithms=["HS256"])
    assert claims["exp"] == int(seconds(joined["closes_at"])) < claims["iat"] + 600
    assert claims["exp"] == seconds(joined["expires_at"])


def test_window_is_that_of_the_clinic(clinic: Clinic, patient: Client, doctor: Client) -> None:
    booked = clinic.booking(doctor, patient, timedelta(hours=2))
    problem(patient.post(path(booked)), 409, "TM940")
    clinic.cluster.sql("select ops.set_video_window('3 hours', '1 minute')", clinic.database)
    try:
        joined = ok(patient.post(path(booked)))
    finally:
        clinic.cluster.sql("select ops.set_video_window('15 min', '30 min')", clinic.database)
    assert seconds(joined["closes_at"]) - seconds(joined["opens_at"]) == (180 + 30 + 1) * 60


# Who


def test_others_get_no_token(clinic: Clinic, patient: Client, doctor: Client) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    problem(clinic.new_patient().post(path(booked)), 404, "TM403")
    problem(clinic.admin.post(path(booked)), 403, "TM301")
    problem(clinic.stranger.post(path(booked)), 401, "TM101")


@pytest.mark.parametrize("step", ["cancel", "complete"])
def test_consultation_that_is_over_is_not_joined(
    clinic: Clinic, patient: Client, doctor: Client, step: str
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    ok(doctor.post(f"/v1/consultations/{booked['id']}/{step}", {}))
    for person in (patient, doctor):
        problem(person.post(path(booked)), 409, "TM905")


# What remains of a join


def test_each_join_is_an_event_with_its_caller(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, timedelta(minutes=30))
    problem(patient.post(path(booked)), 409, "TM940")
    clinic.move(booked, NOW)
    problem(clinic.new_patient().post(path(booked)), 404, "TM403")
    for person in (patient, doctor, patient):
        ok(person.post(path(booked)))
    rows = clinic.cluster.sql(
        f"""
        select concat_ws(' ', e.user_id, e.data ->> 'role', e.actor_id, e.cause)
        from app.events as e
        where e.consultation_id = '{booked["id"]}' and e.type = 'consultation.joined'
        order by e.sequence_number
        """,
        clinic.database,
    )
    expected = ((patient, "patient"), (doctor, "doctor"), (patient, "patient"))
    assert rows.splitlines() == [
        f"{person.id} {role} {person.id} join_consultation" for person, role in expected
    ]


def test_join_by_the_doctor_is_in_the_access_log_of_the_patient(
    clinic: Clinic, patient: Client, doctor: Client
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    ok(patient.post(path(booked)))
    assert ok(patient.get("/v1/me/access-log"))["items"] == []
    ok(doctor.post(path(booked)))
    entry = ok(patient.get("/v1/me/access-log"))["items"][0]
    assert (entry["reader_name"], entry["operation"]) == ("Dora Doctor", "join_consultation")
    assert entry["resource_ids"] == [booked["id"]]


def test_token_and_room_are_not_logged(clinic: Clinic, patient: Client, doctor: Client) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    answer = patient.post(path(booked))
    token = ok(answer)["token"]
    logged = clinic.server.output
    assert answer.headers["X-Request-Id"] in logged
    for secret in (token, token.rpartition(".")[2], room(ok(answer))):
        assert secret not in logged
        assert secret not in clinic.cluster.log.read_text(errors="replace")


# Jitsi, and no video service


@pytest.fixture(scope="module")
def jitsi(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    log = tmp_path_factory.mktemp("jitsi") / "log"
    url = clinic.cluster.url(clinic.database, "telemed_api")
    with serve(url, log, WEB_CONCURRENCY="1", **JITSI) as server:
        wait_for(server.url + "/health/ready", 200)
        yield server.url


def test_token_of_jitsi_states_every_claim(
    clinic: Clinic, patient: Client, doctor: Client, jitsi: str
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    rooms = set()
    for person, name, moderates in (
        (patient, "Pat Patient", "false"),
        (doctor, "Dora Doctor", "true"),
    ):
        there = Client(jitsi, person.contract, person.token)
        joined = ok(there.post(path(booked)))
        claims = jwt.decode(
            joined["token"],
            VIDEO_SECRET,
            algorithms=["HS256"],
            audience="jitsi",
            issuer="telemedicine",
            options={"require": ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"]},
        )
        rooms.add(claims["room"])
        assert joined["provider"] == "jitsi"
        # Jitsi writes names of rooms in lower case.
        assert joined["url"] == f"http://Meet.clinic.test:8443/{claims['room'].lower()}"
        assert claims["sub"] == "meet.clinic.test"
        assert claims["exp"] == claims["iat"] + 600 == seconds(joined["expires_at"])
        assert claims["nbf"] <= claims["iat"] <= time.time()
        assert claims["context"] == {
            "user": {
                "id": person.id,
                "name": name,
                "moderator": moderates,
                "affiliation": "owner" if moderates == "true" else "member",
            }
        }
        others = {"context", "room", "aud", "iss", "sub", "exp", "iat", "nbf", "jti"}
        assert set(claims) == others
    assert len(rooms) == 1


def test_clinic_without_a_video_service_answers_501_and_records_no_join(
    clinic: Clinic, patient: Client, doctor: Client, tmp_path: Path
) -> None:
    booked = clinic.booking(doctor, patient, NOW)
    url = clinic.cluster.url(clinic.database, "telemed_api")
    with serve(url, tmp_path / "log", WEB_CONCURRENCY="1", VIDEO_PROVIDER="none") as server:
        wait_for(server.url + "/health/ready", 200)
        there = Client(server.url, patient.contract, patient.token)
        refusal = problem(there.post(path(booked)), 501, "HTTP501")
        assert "no video service" in refusal["detail"]
        problem(there.holding("").post(path(booked)), 401, "TM101")
    joins = clinic.cluster.sql(
        f"""
        select count(*) from app.events
        where consultation_id = '{booked["id"]}' and type = 'consultation.joined'
        """,
        clinic.database,
    )
    assert joins == "0"


@pytest.mark.parametrize("minutes", [1, 60])
def test_token_is_valid_for_the_minutes_of_the_setting(minutes: int) -> None:
    settings = config.load(environment("postgresql://x", VIDEO_TOKEN_MINUTES=str(minutes)))
    row = {
        "user_id": "u",
        "role": "patient",
        "full_name": "\N{LATIN SMALL LETTER Z WITH CARON} \N{PILE OF POO}",
        "room": "r",
        "opens_at": "2027-01-05T08:45:00Z",
        "closes_at": "9999-01-05T10:00:00.5Z",
    }
    token = video.link(settings, row)["token"]
    claims = LIVEKIT.verify(token)
    assert claims.name == row["full_name"]
    times = jwt.decode(token, VIDEO_SECRET, algorithms=["HS256"])
    assert times["exp"] - times["iat"] == minutes * 60
