"""Hashes of passwords, and whose turn it is to make one."""

from __future__ import annotations

import threading
import time

import bcrypt
import pytest
from flask import Flask

from api import config, passwords
from api.errors import Problem
from tests.server import environment


@pytest.fixture
def app() -> Flask:
    """An application in which two may hash at once and four more wait."""
    settings = config.load(environment("postgresql:///x", BCRYPT_CONCURRENCY="2", THREADS="12"))
    app = Flask("passwords")
    passwords.register(app, settings)
    return app


@pytest.mark.parametrize(
    "password", ["x" * 12, "x" * 128, "\U0001f642" * 128, "a\tb c\u00e4 \x7f..."]
)
def test_a_password_has_the_hash_that_it_was_stored_with(password: str) -> None:
    stored = passwords.hash_password(password, 4)
    assert passwords.hash_with(password, stored[:29]) == stored
    assert passwords.hash_with(password + "x", stored[:29]) != stored
    assert passwords.hash_password(password, 4) != stored


def test_what_bcrypt_alone_would_not_tell_apart_is_told_apart() -> None:
    long = "x" * 72
    setting = bcrypt.gensalt(4).decode()
    hashes = {passwords.hash_with(p, setting) for p in (long, long + "y", "x\x00", "x\x00y")}
    assert len(hashes) == 4


def test_no_more_than_so_many_hash_at_once(app: Flask) -> None:
    at_once: list[int] = []
    working = 0
    lock = threading.Lock()

    def work() -> None:
        nonlocal working
        with app.app_context(), passwords.turn():
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


def test_who_waits_too_long_for_a_turn_is_sent_away(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 0.01)
    with app.app_context(), passwords.turn(), passwords.turn():
        with pytest.raises(Problem) as told, passwords.turn():
            pass
        assert told.value.status == 503
        assert told.value.headers["Retry-After"] == "1"
    with app.app_context(), passwords.turn():
        pass


def test_who_finds_the_waiting_room_full_is_sent_away_at_once(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "PATIENCE_SECONDS", 3600)
    done = threading.Event()
    inside = threading.Semaphore(0)

    def work() -> None:
        with app.app_context(), passwords.turn():
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
    with app.app_context(), pytest.raises(Problem, match="Too many"), passwords.turn():
        pass
    done.set()
    for thread in threads:
        thread.join()
    with app.app_context(), passwords.turn():
        pass
