"""Passwords: which ones are accepted, their hashes, and the bound on concurrent hashing."""

from __future__ import annotations

import random
import string
import threading
import time
import unicodedata
from collections.abc import Callable

import bcrypt
import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from api import config, password_hashing, password_strength
from api.errors import Problem
from scripts.server import Cluster
from scripts.tour import PASSWORD as TOUR_PASSWORD
from tests.support.client import PASSWORD, Client, ok, places, problem
from tests.support.long import LONG
from tests.support.people import create_admin, log_in
from tests.support.server import environment

COMMON = FREQUENCY_LISTS["passwords"]  # the most common first
LEET = str.maketrans("aeios", "43105")
# Common ways to lengthen a short password.
LENGTHENINGS: tuple[Callable[[str], str], ...] = (
    lambda p: p + p,
    lambda p: f"{p}-{p}",
    lambda p: p * 3,
    lambda p: f"{p}1234",
    lambda p: f"{p}12345!",
    lambda p: f"{p}1985",
    lambda p: f"{p.capitalize()}2026!",
    lambda p: f"{p}!!!!",
    lambda p: f"!!{p}!!",
    lambda p: f"123{p}!",
    lambda p: f"***{p}***",
    lambda p: f"({p.capitalize()})1",
    lambda p: f"{p[::-1]}123",
    lambda p: f"{p.translate(LEET)}1!" if p.isalpha() else f"{p}#1",
)
# Each is one character of two UTF-16 units and four bytes.
PICTURES = (
    "\U0001f98a\U0001f335\U0001f3bb\U0001f9ed\U0001fa81\U0001f968\U0001f6f6\U0001f30b\U0001f419"
)
ABOUT = ("anna.schmidt85@mail.example.com", "Dr. Anna Schmidt")


def test_common_password_is_refused_however_it_is_lengthened() -> None:
    """The most common ones, lengthened in one way each, and all common ones of 12 or more."""
    draw = random.Random(63)
    number = 8000 if LONG else 1500
    lengthened = [draw.choice(LENGTHENINGS)(password) for password in COMMON[:number]]
    long = {password for password in (*lengthened, *COMMON) if 12 <= len(password) <= 128}
    assert len(long) > number / 3
    assert [password for password in long if not password_strength.too_easy(password)] == []


@pytest.mark.parametrize(
    "password",
    [
        "x" * 12,
        "x" * 128,
        "\U0001f642" * 128,
        "abababababab",
        "abcabcabcabcab",
        "aaaabbbbcccc",
        "abcdefghijkl",
        "zyxwvutsrqpo",
        "123456789012",
        "qwertzuiopasdf",
        "qwertyuiop[]",
        "1qaz2wsx3edc",
        "!QAZ2wsx#EDC",
        "1q2w3e4r5t6y",
        "asdfghjkl;'#",
        "P@$$w0rd2026!",
        "iloveyouforever",
        "Password, password!",
        "Telemedicine-2026!",
        "telemedicine-demo",
        "Doctor-Patient-1",
        "anna.schmidt85@mail.example.com",
        "Schmidt_Anna_1985!",
        "annaschmidtanna",
        "4nn4-5chm1dt!!",
        "tdimhcsanna123",
        "Example.com/85",
    ],
)
def test_guessable_password_is_refused(password: str) -> None:
    assert password_strength.too_easy(password, *ABOUT)


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        TOUR_PASSWORD,
        "Mein Hund frisst gerne Gurken",
        "one two three but not four",
        "mauve-trumpet-41-lagoon",
        "correct" + "horse" * 3 + "battery",
        "Anna plays the violin on Tuesdays",
        "doctor of lost umbrellas",
        "wdnvgukzrlje",
        "7c1e0f5ab9d2",
        "x9$kfQz!mv2L",
        "\u043f\u0435\u0441\u043e\u043a \u043b\u0443\u043d\u0430",
        PICTURES + "\u00e4 \u00df",
        "x9$kfQz!mv2L" * 10,
    ],
)
def test_unguessable_password_is_accepted(password: str) -> None:
    assert not password_strength.too_easy(password, *ABOUT)


def test_random_password_is_accepted() -> None:
    draw = random.Random(63)
    for alphabet in (string.ascii_letters + string.digits, string.printable.strip()):
        for length in (16, 40, 128):
            for _ in range(50):
                password = "".join(draw.choices(alphabet, k=length))
                assert not password_strength.too_easy(password, *ABOUT), password


def test_every_text_can_be_judged() -> None:
    draw = random.Random(63)
    letters = [chr(n) for n in range(0x20000) if unicodedata.category(chr(n)) != "Cs"]
    for alphabet in (letters, "\u0130\u0131\u00df\u017f\u1e9e", "\u0661\u00b2\u2460", "\n\r\t "):
        for _ in range(100):
            password = "".join(draw.choices(alphabet, k=draw.randint(12, 128)))
            password_strength.too_easy(password, password[:9], "".join(draw.choices(letters, k=20)))


@pytest.mark.parametrize(
    ("password", "name"),
    [("password1234", "Pat"), ("Tiffany-1987", "Tiffany"), ("weak.person@clinic.test", "Pat")],
)
def test_sign_up_with_a_guessable_password_is_refused(
    stranger: Client, password: str, name: str
) -> None:
    body = {"email": "weak.person@clinic.test", "password": password, "full_name": name}
    answer = stranger.post("/v1/auth/signup", body)
    assert places(answer) == ["#/password"]
    assert password not in answer.text
    assert places(stranger.post("/v1/auth/signup", body | {"full_name": ""})) == [
        "#/full_name",
        "#/password",
    ]


def test_onboarding_and_create_admin_with_a_guessable_password_are_refused(
    cluster: Cluster, database: str, admin: Client
) -> None:
    doctor = {
        "email": "weak.doctor@clinic.test",
        "password": "Dora-Doctor-1",
        "full_name": "Dora Doctor",
        "specialty": "Dermatology",
        "time_zone": "Europe/Berlin",
        "fee_minor": 5000,
        "currency": "EUR",
    }
    assert places(admin.post("/v1/admin/doctors", doctor)) == ["#/password"]
    result = create_admin(cluster.url(database), "weak.chief@clinic.test", "weak.chief.2026")
    assert (result.returncode, result.stderr) == (1, f"api: {password_strength.ADVICE}\n")


@pytest.mark.parametrize("unit", ["x9$kfQz!mv2L", PICTURES + "\u00e4 \u00df"])
def test_password_has_12_to_128_characters(stranger: Client, unit: str) -> None:
    for length, status in ((11, 422), (12, 201), (128, 201), (129, 422)):
        password = (unit * 11)[:length]
        email = f"length.{length}.{ord(unit[0])}@clinic.test"
        body = {"email": email, "password": password, "full_name": "Pat"}
        answer = stranger.post("/v1/auth/signup", body)
        if status == 201:
            ok(answer, 201)
            log_in(stranger, email, password)
        else:
            assert places(answer) == ["#/password"]


def test_password_is_stored_exactly_as_sent(stranger: Client) -> None:
    email, password = "exact@clinic.test", " Fünf blaue Äpfel "
    body = {"email": email, "password": password, "full_name": "Pat"}
    ok(stranger.post("/v1/auth/signup", body), 201)
    log_in(stranger, email, password)
    decomposed = unicodedata.normalize("NFD", password)
    for other in (password.strip(), password.lower(), decomposed, password.replace(" ", "\u00a0")):
        body = {"email": email, "password": other}
        problem(stranger.post("/v1/auth/login", body), 401, "TM103")


@pytest.mark.parametrize("unit", ["x", "\u00e4", PICTURES[0]])
def test_every_character_of_a_password_counts(unit: str) -> None:
    setting = bcrypt.gensalt(4).decode()
    for length in (12, 72, 128):
        whole = unit * length
        others = [whole[:n] + "y" + whole[n + 1 :] for n in range(length)]
        hashes = {password_hashing.hash_with(password, setting) for password in (whole, *others)}
        assert len(hashes) == length + 1


@pytest.fixture
def app() -> Flask:
    """An application in which two requests hash at once, and four more may wait."""
    settings = config.load(environment("postgresql:///x", BCRYPT_CONCURRENCY="2", THREADS="12"))
    app = Flask("passwords")
    password_hashing.register(app, settings)
    return app


@pytest.mark.parametrize(
    "password", ["x" * 12, "x" * 128, "\U0001f642" * 128, "a\tb c\u00e4 \x7f..."]
)
def test_password_matches_its_stored_hash(password: str) -> None:
    stored = password_hashing.hash_password(password, 4)
    assert password_hashing.hash_with(password, stored[:29]) == stored
    assert password_hashing.hash_with(password + "x", stored[:29]) != stored
    assert password_hashing.hash_password(password, 4) != stored


def test_passwords_that_bcrypt_truncates_alike_have_different_hashes() -> None:
    long = "x" * 72
    setting = bcrypt.gensalt(4).decode()
    hashes = {password_hashing.hash_with(p, setting) for p in (long, long + "y", "x\x00", "x\x00y")}
    assert len(hashes) == 4


def test_concurrent_hashing_is_bounded(app: Flask) -> None:
    at_once: list[int] = []
    working = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal working
        with app.app_context(), password_hashing.turn():
            with lock:
                working += 1
                at_once.append(working)
            time.sleep(0.02)
            with lock:
                working -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(at_once) == 6
    assert max(at_once) <= 2


def test_hashing_that_waits_too_long_is_503(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(password_hashing, "WAIT_SECONDS", 0.01)
    with app.app_context(), password_hashing.turn(), password_hashing.turn():
        with pytest.raises(Problem) as raised, password_hashing.turn():
            pass
        assert raised.value.status == 503
        assert raised.value.headers["Retry-After"] == "1"
    with app.app_context(), password_hashing.turn():
        pass


def test_hashing_with_a_full_queue_is_503_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(password_hashing, "WAIT_SECONDS", 3600)
    done = threading.Event()
    inside = threading.Semaphore(0)

    def work() -> None:
        with app.app_context(), password_hashing.turn():
            inside.release()
            done.wait()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    inside.acquire()
    inside.acquire()
    room = app.extensions["waiting_room"]
    while room._value:  # until the other four wait
        time.sleep(0.001)
    with app.app_context(), pytest.raises(Problem, match="Too many"), password_hashing.turn():
        pass
    done.set()
    for thread in threads:
        thread.join()
    with app.app_context(), password_hashing.turn():
        pass


def test_every_route_refuses_a_guessable_password(
    stranger: Client, patient: Client, admin: Client
) -> None:
    """Every body of the OpenAPI document with a new password."""
    easy = "password1234"
    doctor = {
        "email": "easy@clinic.test",
        "full_name": "Easy",
        "specialty": "Surgery",
        "time_zone": "UTC",
        "fee_minor": 1,
        "currency": "EUR",
    }
    for caller, path, body, field in (
        (stranger, "/v1/auth/signup", {"email": "e@clinic.test", "full_name": "E"}, "password"),
        (admin, "/v1/admin/doctors", doctor, "password"),
        (patient, "/v1/me/password", {"current_password": PASSWORD}, "new_password"),
        (stranger, "/v1/auth/password-reset/confirm", {"token": "x"}, "new_password"),
    ):
        answer = caller.post(path, {**body, field: easy})
        problem(answer, 422, "TM201")
        assert places(answer) == [f"#/{field}"]
    own = {"current_password": PASSWORD, "new_password": f"{patient.email}!"}
    assert places(patient.post("/v1/me/password", own)) == ["#/new_password"]
    chosen = [
        name
        for name, schema in stranger.contract.document["components"]["schemas"].items()
        for field in schema.get("properties", {}).values()
        if "easy to guess" in field.get("description", "")
    ]
    assert len(chosen) == 4, chosen
