"""Rate limits: counts in memory."""

from __future__ import annotations

import time

import pytest

from api.counter import Counter


def test_counter_forgets_only_expired_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    counter = Counter()
    for second in range(600):
        now = 1000.0 + second
        assert counter.incr("minute", 60) == second % 60 + 1
        assert counter.incr(f"second {second}", 60) == 1
        if second in (1, 599):
            assert counter.incr("ten minutes", 600) == (1 if second == 1 else 2)
    for _ in range(2):
        now += 600
        counter.incr("last", 60)
    assert {*counter._young, *counter._old} == {"last"}
