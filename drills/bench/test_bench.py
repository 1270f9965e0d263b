"""The short form of `make bench`: what it makes of its measurements. No time is measured here."""

from __future__ import annotations

import compileall
import dataclasses
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drills import processes
from drills.bench import events, graphql, load, open_loop, paths, pgbench, report, summary
from drills.bench.load import Meter, Round
from drills.bench.open_loop import Latency
from drills.bench.stacks import EARLIER, GRAPHQL, PEER, THIS, Stack
from drills.bench.summary import Results
from scripts.system import CHECKOUT, CommandError

FOLDER = Path(__file__).parent
WRK = {
    "requests": 3,
    "seconds": 1.0,
    "sent": 4,
    "used_up": 0,
    "statuses": {"201": 3},
    "socket_errors": 0,
    "p50": 1,
    "p95": 2,
    "p99": 3,
}


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    data = {
        "tokens": ["zero", "one"],
        "callers": 2,
        "doctors": ["doctor"],
        "slots": [[f"slot-{n}", n % 2] for n in range(paths.PREPARED + 10)],
        "consultations": [["consultation", 1]],
    }
    log = tmp_path / "server.log"
    return Stack("this build", "http://127.0.0.1:80", 1, 2, "", "app.consultations", log, data)


def round_of(stack: str, path: str, clients: int = 8, **figures: float) -> Round:
    found = Round(stack, path, clients, 1000, 1.0, 1000, 2000, 3000, 500.0, 400.0, 0.01)
    return dataclasses.replace(found, **figures)


def results_of(**of_this: float) -> Results:
    """Results in which each figure of all servers is the same, except for those of this build."""
    results = Results()
    for path in paths.PATHS:
        for clients in (8, 32):
            results.rounds.append(round_of(THIS, path.name, clients, **of_this))
            results.rounds += [round_of(name, path.name, clients) for name in (EARLIER, PEER)]
    results.pgbench = {path: [900.0, 1000.0, 5000.0] for path in summary.OF_PGBENCH}
    results.latencies = [Latency(n, "book", 50, 100, 0, 1, 2, 3) for n in (THIS, EARLIER, PEER)]
    results.pss_mib = {THIS: 40.0, EARLIER: 40.0, PEER: 60.0}
    results.about = {
        "commit": "abc",
        "baseline": "def",
        "rows": 200_000,
        "rounds": 1,
        "seconds": 1,
        "cpus": 2,
        "busy": 0.1,
        "others": 0.01,
        "versions": {"PostgreSQL": "15"},
    }
    return results


# wrk


def test_last_line_of_wrk_is_its_result() -> None:
    output = f"Running 1s test\n{json.dumps({'requests': 1})}\n{json.dumps(WRK)}\n"
    assert load.parse(output) == WRK


def test_wrk_without_a_result_is_an_error() -> None:
    with pytest.raises(CommandError, match="unable to connect"):
        load.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"statuses": {"201": 3, "500": 1}}, "'500': 1"),
        ({"statuses": {"409": 3}}, "'409': 3"),
        ({"statuses": {"201": 3, "errors": 1}}, "'errors': 1"),
        ({"statuses": {}}, "{}"),
        ({"socket_errors": 2}, "2 errors of sockets"),
        ({"used_up": 1}, "too few open slots"),
    ],
)
def test_one_wrong_answer_ends_the_run(change: dict[str, Any], message: str) -> None:
    load.check("here", 201, WRK)
    with pytest.raises(CommandError, match=re.escape(message)):
        load.check("here", 201, WRK | change)


def test_request_has_the_length_of_its_body_with_the_key_that_wrk_writes(stack: Stack) -> None:
    (request, *_), (graph, *_) = ([*kind.PATHS[0].requests(stack)] for kind in (paths, graphql))
    for each in (request, graph):
        head, _, body = load.raw(stack, each).partition(b"\r\n\r\n")
        sent = body.replace(b"\1", load.prefix().encode() + b"00000001")
        (length,) = re.findall(rb"Content-Length: (\d+)", head)
        assert int(length) == len(sent)
        assert json.loads(sent)
        assert (head + body).count(b"\1") == 1


def test_each_booking_has_another_slot_and_the_slots_of_replays_are_left_out(stack: Stack) -> None:
    stack.next_slot = paths.PREPARED
    bodies = [request.body for request in paths.BOOK.requests(stack)]
    prepared = {request.body for request in paths.prepared(stack)}
    assert len(bodies) == len(set(bodies)) == 10
    assert not prepared & set(bodies)


def test_every_path_repeats_the_same_requests(stack: Stack) -> None:
    for path in (*paths.PATHS, *graphql.PATHS, paths.READS, paths.HELLO):
        assert list(path.requests(stack)) == list(path.requests(stack)) != []


def test_answers_are_compared_by_fields_and_rows() -> None:
    assert paths.shape({"id": 1, "a": 2}) == {"fields": ["a", "id"]}
    assert paths.shape({"items": [{"id": 1}, {"id": 2}]}) == {"items": 2, "fields": ["id"]}
    assert paths.shape({"items": [{"id": 1}]}) != paths.shape({"items": [{"di": 1}]})


# A busy machine


def meter_with(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, folder: Path, shares: list[float]
) -> Meter:
    meter = Meter([stack], folder, 0.1)
    left = iter(shares)
    monkeypatch.setattr(load, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(meter, "round", lambda *_: round_of(THIS, "book", others=next(left)))
    return meter


def test_round_on_a_busy_machine_is_repeated(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path
) -> None:
    meter = meter_with(monkeypatch, stack, tmp_path, [0.5, 0.11, 0.1])
    assert meter.quiet_round(stack, paths.BOOK, 8, 1).others == 0.1


def test_machine_that_stays_busy_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path
) -> None:
    meter = meter_with(monkeypatch, stack, tmp_path, [0.5, 0.4, 0.3, 0.2, 0.11, 0.0])
    with pytest.raises(CommandError, match=r"the machine is busy: .* 50%, .*, 11% of the CPUs"):
        meter.quiet_round(stack, paths.BOOK, 8, 1)


def test_cpu_time_of_other_programs_is_what_the_stacks_did_not_use(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path
) -> None:
    clock = {"busy": 100.0, 1: 10.0, 2: 20.0, 3: 5.0}

    def wrk(*_: object, **__: object) -> dict[str, Any]:
        clock.update({"busy": 104.0, 1: 11.0, 2: 20.5, 3: 5.25})
        return WRK | {"requests": 92}

    monkeypatch.setattr(load, "wrk", wrk)
    monkeypatch.setattr(load, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(processes, "busy_seconds", lambda: clock["busy"])
    monkeypatch.setattr(processes, "cpu_seconds", lambda pid: clock[pid])
    times = iter([0.0, 2.0])
    monkeypatch.setattr(load, "time", SimpleNamespace(monotonic=lambda: next(times), sleep=id))
    monkeypatch.setattr(load.os, "cpu_count", lambda: 2)
    # Two stacks share a database, as PostGraphile shares that of this build.
    other = dataclasses.replace(stack, name="other", server=3)
    found = Meter([stack, other], tmp_path, 1).round(stack, paths.BOOK, 8, 1)
    # 92 answered requests, and one on its way for each of 8 clients.
    assert found.api_us == pytest.approx(1.0 / 100 * 1e6)
    assert found.database_us == pytest.approx(0.5 / 100 * 1e6)
    assert found.others == pytest.approx((4.0 - 1.0 - 0.5 - 0.25) / 4, abs=0.05)
    assert (stack.booked, stack.unanswered, stack.next_slot) == (92, 8, 4)


def test_cpu_time_of_ended_children_still_counts() -> None:
    program = "import subprocess, sys, time; b = 'for _ in range(3 * 10**6): pass'\n"
    program += "subprocess.run((sys.executable, '-c', b)); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        (str(CHECKOUT / ".venv/bin/python"), "-c", program),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stdin
        process.stdout.readline()
        assert processes.tree(process.pid) == [process.pid]
        own, ended = processes._ticks(process.pid)
        assert ended > 0
        assert processes.cpu_seconds(process.pid) >= (own + ended) / processes.TICKS
        process.stdin.close()


# Targets


def test_target_is_the_worst_of_both_numbers_of_clients() -> None:
    results = results_of(seconds=0.25)
    slow = [i for i, r in enumerate(results.rounds) if (r.stack, r.path) == (THIS, "get")][1]
    results.rounds[slow] = dataclasses.replace(results.rounds[slow], seconds=0.8)
    found = {target.text: target for target in summary.targets(results)}
    assert found["book: throughput, of the peer's"].found == 4.0
    assert found["book: throughput, of the peer's"].is_met
    assert found["get: throughput, of the peer's"].found == 1.25
    assert not found["get: throughput, of the peer's"].is_met
    assert found["reads: throughput, of the earlier build's"].found == 1.25


@pytest.mark.parametrize(
    ("figures", "text", "bound"),
    [
        ({"api_us": 280.0}, "reads: CPU time of the API", 0.55),
        ({"database_us": 270.0}, "book: CPU time of the database", 0.65),
    ],
)
def test_cpu_time_has_an_upper_bound(figures: dict[str, float], text: str, bound: float) -> None:
    def target(**changed: float) -> summary.Target:
        found = [t for t in summary.targets(results_of(**changed)) if t.text.startswith(text)]
        return found[0]

    assert target(**figures).bound == bound
    assert not target(**figures).is_met
    assert target(**{name: value * 0.9 for name, value in figures.items()}).is_met


def test_p99_is_compared_at_rates_that_both_builds_sustain() -> None:
    results = Results()
    results.latencies = [
        Latency(THIS, "book", 50, 100, 0, 1, 2, 3.0),
        Latency(EARLIER, "book", 50, 100, 0, 1, 2, 6.0),
        Latency(THIS, "book", 90, 100, 0, 1, 2, 9.0),
        Latency(EARLIER, "book", 90, 100, 50, 1, 2, 5.0),
    ]
    assert list(summary.p99_ratios(results)) == [0.5]


def test_share_of_pgbench_takes_medians() -> None:
    assert summary.share_of_pgbench(results_of(), "book") == 1.0
    assert summary.share_of_pgbench(results_of(), "replay") is None


def test_rates_are_round() -> None:
    assert open_loop.rates(1234, (0.001, 0.3, 0.9)) == [10, 370, 1110]


def test_wrong_answer_in_an_open_loop_ends_the_run(stack: Stack) -> None:
    values: Callable[[float], dict[str, Any]] = lambda n: {"values": {"count": n}}  # noqa: E731
    latency = {"values": {"med": 1.0, "p(95)": 2.0, "p(99)": 3.0}}
    metrics = {"latency": latency, "right": values(5), "dropped_iterations": values(1)}
    found = open_loop.read(stack, paths.BOOK, 50, metrics)
    assert (found.answered, found.dropped, found.is_sustained) == (5, 1, False)
    assert stack.booked == 5
    with pytest.raises(CommandError, match="2 wrong answers"):
        open_loop.read(stack, paths.BOOK, 50, metrics | {"wrong": values(2)})


# pgbench


def test_pgbench_runs_the_statement_of_the_api() -> None:
    for path in summary.OF_PGBENCH:
        statement = pgbench.statement(path)
        assert not re.search(r"\$\d|%s", statement)
        assert all(f"(select v{n} from call)" in statement for n in range(4))
        assert "where n = :n" in statement


def test_failed_transaction_of_pgbench_is_an_error() -> None:
    output = """number of transactions actually processed: 52
number of failed transactions: {} (0.000%)
latency average = 1.0 ms
tps = 51.5 (without initial connection time)"""
    assert pgbench.parse(output.format(0)) == (52, 51.5)
    for text in (output.format(1), "pgbench: error"):
        with pytest.raises(CommandError):
            pgbench.parse(text)


# The report, the peers


def test_report_has_the_targets_and_the_figures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    drawn: list[tuple[str, ...]] = []
    monkeypatch.setenv("OUTPUT", str(tmp_path))
    monkeypatch.setattr(report, "run", lambda command, _: drawn.append(command))
    report.write(results_of(seconds=0.25), Path("python"))
    text = (tmp_path / "bench.md").read_text()
    assert "| book: throughput, of the peer's | at least 3.00 | 4.00 | met |" in text
    assert (
        "| book: CPU time of the database, of the earlier build's | at most 0.65 | 1.00 |" in text
    )
    assert (
        "| book | 8 | this build | 4,000 | 4.00 | 0% | 500 + 400 | 1.0, 2.0, 3.0 | 400% |" in text
    )
    assert report.MISSING in text
    assert "PostGraphile is left out" in text
    assert "## Tried, did not pay" in text
    assert "busy machine" not in text
    found = json.loads((tmp_path / "bench.json").read_text())
    assert found["rounds"][0]["per_second"] == 4000
    assert drawn == [
        ("python", str(FOLDER / "plots.py"), str(tmp_path / "bench.json"), str(tmp_path))
    ]


def test_report_from_a_busy_machine_says_so() -> None:
    results = results_of()
    results.about["busy"] = 0.5
    assert report.ON_A_BUSY_MACHINE in report.text(results)


def test_plots_know_the_same_servers_and_paths() -> None:
    text = (FOLDER / "plots.py").read_text()
    for name in (THIS, EARLIER, PEER, GRAPHQL, *(path.name for path in paths.PATHS)):
        assert f'"{name}"' in text


def test_peers_compile() -> None:
    assert compileall.compile_dir(FOLDER / "peers", quiet=2, force=True)
    pinned = (FOLDER / "peers/fastapi_sqlalchemy/requirements.txt").read_text()
    assert {"fastapi", "sqlalchemy", "asyncpg", "uvicorn", "pyjwt"} <= set(
        re.findall(r"^([\w-]+)[\[=]", pinned, re.M)
    )


# Events


def test_bookings_with_events_are_measured_in_turn_with_those_without(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, tmp_path: Path
) -> None:
    switched: list[str] = []
    monkeypatch.setattr(events, "switch", lambda _, verb: switched.append(verb))
    meter = Meter([stack], tmp_path, 1)
    monkeypatch.setattr(
        meter,
        "round",
        lambda *_: round_of(THIS, "book", requests=90 + 10 * (switched[-1:] == ["disable"])),
    )
    found = list(events.turns(meter, stack, 8, 1, 2))
    assert [r.stack for r in found] == [events.SILENT, THIS, THIS, events.SILENT]
    assert [r.requests for r in found] == [100, 90, 90, 100]
    results = Results(rounds=found)
    (target,) = summary.targets(results)
    assert (target.found, target.is_met) == (0.9, True)
    assert "without events, 8 clients: 100/s" in "\n".join(report.others(results))
