"""The short form of `make drill NAME=soak`, and faults that its checks must find."""

from __future__ import annotations

import asyncio
import copy
import io
import os
import time

import pytest

from drills.load_tools import Answer, percentile
from drills.soak import drill, findings
from drills.soak.drill import Plan, Result
from drills.soak.mix import Ask, Crowd, Mix
from drills.soak.samples import EVERYTHING, Sample, Table
from drills.soak.sizing import Costs, table
from drills.stage import durable_cluster


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Result:
    people = {"doctors": 20, "patients": 200}
    plan = Plan(bookings=20, reads=4, seconds=2, pause=0.5, past=2_000, clients=20, **people)
    with durable_cluster() as cluster:
        return drill.run(cluster, "telemed_soak", tmp_path_factory.mktemp("soak"), plan)


@pytest.fixture
def result(sound: Result) -> Result:
    return copy.deepcopy(sound)


def sample(at: float, worker: int = 50, private: int = 60) -> Sample:
    processor = {"API": at, "database": at / 2, EVERYTHING: at * 2}
    return Sample(at, [worker, worker], [9, 9], private, 0, 8, 0, 0, {}, processor)


def test_mix_is_answered_and_every_booking_is_in_the_database(result: Result) -> None:
    assert list(findings.faults(result)) == []
    assert len(result.booked) > 10
    assert result.cancelled
    paths = {"book", "cancel", "get one", "list mine", "open slots", "search"}
    assert result.answers.latencies.keys() == paths
    assert all(len(interval.sample.workers) == 2 for interval in result.intervals)
    assert min(result.intervals[-1].sample.workers) > 0
    assert result.intervals[-1].sample.wal > result.intervals[0].sample.wal
    report = findings.text(result, [])
    assert f"{len(result.booked):,} answers 201" in report
    measured = findings.costs(result)
    assert min(measured.api, measured.database, measured.hash, measured.wal, measured.growth) > 0


def test_lost_booking_is_found(result: Result) -> None:
    del result.found[next(iter(result.booked))]
    assert list(findings.faults(result)) == [
        "1 consultations were booked and are not in the database"
    ]


def test_booking_without_an_answer_is_found(result: Result) -> None:
    result.found["another"] = "scheduled"
    (fault,) = findings.faults(result)
    assert fault == "1 consultations are in the database and were not answered with 201"


def test_lost_cancellation_is_found(result: Result) -> None:
    result.found[next(iter(result.cancelled))] = "scheduled"
    (fault,) = findings.faults(result)
    assert fault == "1 consultations have another status than was answered"


@pytest.mark.parametrize(("path", "status"), [("search", 503), ("book", 409), ("book", 0)])
def test_error_status_is_found(result: Result, path: str, status: int) -> None:
    result.add(sample(9), [Answer(path, 0.0, 1.0, status, "Why")])
    assert f"{path}: 1 answers with the status {status} (Why)" in list(findings.faults(result))


def test_violated_invariant_deadlock_and_excess_connection_are_found(result: Result) -> None:
    result.violations["no_two_consultations_share_a_slot"] = 2
    result.intervals[-1].sample.deadlocks += 1
    result.intervals[0].sample.connections = 9
    assert list(findings.faults(result)) == [
        "the invariant no_two_consultations_share_a_slot is violated 2 times",
        "1 deadlocks",
        "9 connections to the database, more than 8",
    ]


def test_growing_memory_is_found() -> None:
    flat = [sample(at) for at in range(100)]
    assert set(findings.growths(flat).values()) == {0}
    # What the first quarter allocates is not a leak.
    assert set(findings.growths([sample(0, 10, 10), *flat[1:]]).values()) == {0}
    leaks = [sample(at, worker=50_000 + 100 * at, private=60_000) for at in range(100)]
    assert findings.growths(leaks)["the workers"] > findings.GROWTH
    assert findings.growths(leaks)["the database"] == 0


def test_excesses_are_found() -> None:
    result = Result(Plan(bookings=1, reads=0, seconds=2), "15")
    result.add(sample(0), [Answer("book", 0.0, findings.BOUND_MILLISECONDS + 1, 201, "id")])
    result.add(sample(1), [])
    result.intervals[-1].sample.tables["app.consultations"] = Table(10_001, 2_501, 0, 0, 0)
    result.intervals[-1].sample.processor[EVERYTHING] = 2 * len(os.sched_getaffinity(0))
    busy, *others = findings.excesses(result)
    assert busy.startswith("the computer was busy: other programs used")
    assert others == [
        "1 of 2 requests got no answer in time",
        "book: p95 is 51 ms, more than 50 ms",
        "app.consultations has 2,501 dead rows beside 10,001",
    ]


def test_percentile_is_a_value_that_occurs() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert percentile([7.0], 0.5) == 7.0


def test_sizes_follow_from_costs() -> None:
    costs = Costs(api=1000, database=500, hash=200, wal=15, growth=5)
    _, _, _, _, hundredfold, _ = table(costs)
    # 463 bookings and 5,093 requests a second at the peak, 46 log-ins; cores are used by half.
    cells = "100 | 10,000,000 | 5,093 | 29 | 18.5 | 6 | 116 | 6.9 | 19 | 50.0"
    assert hundredfold == f"| {cells} |"


class Slow(asyncio.Protocol):
    """Answers a request after SECONDS; closes the connection after the third one."""

    SECONDS = 0.05
    requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.requests += 1
        asyncio.get_running_loop().call_later(self.SECONDS, self.answer)

    def answer(self) -> None:
        if self.requests > 3:
            self.transport.close()
        else:
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


def test_wait_for_a_connection_counts_and_a_cut_connection_is_an_error() -> None:
    async def ask_at_once(answers: io.StringIO) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Slow, "127.0.0.1", 0)
        url = "http://{}:{}".format(*server.sockets[0].getsockname())
        mix = Mix({"specialties": []}, "x", 0)
        crowd = Crowd(mix, url, 1, answers)
        for _ in range(4):
            crowd.ask(Ask("read", time.time(), b"GET / HTTP/1.1\r\n\r\n"))
        while crowd.open:
            await asyncio.sleep(0.01)
        server.close()

    answers = io.StringIO()
    asyncio.run(ask_at_once(answers))
    lines = [line.split("\t") for line in answers.getvalue().splitlines()]
    assert [status for _, _, _, status, _ in lines] == ["200", "200", "200", "0"]
    for number, (_, _, milliseconds, _, _) in enumerate(lines, 1):
        assert float(milliseconds) > number * Slow.SECONDS * 900
