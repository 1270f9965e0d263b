"""docs/reports/bench.md and bench.json, and the plots beside them."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

from drills.bench import events, paths
from drills.bench.open_loop import CLIENTS, Latency
from drills.bench.stacks import EARLIER, GRAPHQL, PEER, THIS
from drills.bench.summary import QUIET, Results, share_of_pgbench, targets
from scripts.system import CHECKOUT, run, say

TRIED = Path(__file__).with_name("tried.md")
PLOTS = Path(__file__).with_name("plots.py")
REPORTS = CHECKOUT / "docs" / "reports"
MISSING = """\
The peer has no row-level security, no signed context, no session that can be revoked, no audit log,
no access log, no rate limit, no metrics and no request log."""
LESS = """\
In two rules the peer also does less: it stores no refusal under a key, and a duplicate that arrives
while the first request runs may get 409 instead of the first answer."""
INTRODUCTION = f"""\
This build, an earlier build of this product, and a peer that a team would write with FastAPI,
SQLAlchemy (async ORM), asyncpg and uvicorn with uvloop: the same rules of booking, the same rows,
the same fields in the answers.
{MISSING}
{LESS}

Each server has two workers with four threads or connections each, and a PostgreSQL of its own with
`fsync` and `synchronous_commit` on. Ours runs with rate limits, metrics, and logs that are written
to a file. wrk sends requests in a closed loop, in short rounds: the servers take turns, and each
round opens new connections. A round in which other programs use the CPUs is repeated, and the run
ends without a report if that goes on. Every status of every answer is checked, and every answer 201
is counted in the database afterwards. 500 patients read again and again; 20,000 patients book in
turn, and each booking has another slot and another key.

`make bench` repeats it; `drills/bench/__main__.py` names its variables. The peer is in
`drills/bench/peers/fastapi_sqlalchemy/`. All figures are in [bench.json](bench.json)."""

ON_A_BUSY_MACHINE = """\
**Measured on a busy machine (`BUSY=`): these figures show the form of the report, and no more.**"""


def write(results: Results, python: Path) -> None:
    """Write the report. python: one that has matplotlib. OUTPUT= names another folder."""
    folder = Path(os.environ.get("OUTPUT") or REPORTS)
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "bench.json"
    data.write_text(as_json(results))
    run((str(python), str(PLOTS), str(data), str(folder)), os.environ)
    (folder / "bench.md").write_text(text(results))
    say(f"bench: written to {folder / 'bench.md'}")


def as_json(results: Results) -> str:
    """All figures, one round on each line."""
    parts = []
    for name, value in results.as_dict().items():
        many = isinstance(value, list) and value
        shown = "[\n" + ",\n".join(map(json.dumps, value)) + "\n]" if many else json.dumps(value)
        parts.append(f"{json.dumps(name)}: {shown}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def text(results: Results) -> str:
    """The report."""
    parts = [
        "# Benchmark",
        INTRODUCTION,
        ON_A_BUSY_MACHINE if results.about["busy"] > QUIET else "",
        surroundings(results),
        "![Throughput](bench-throughput.svg)",
        "## Closed loop",
        "Medians of the rounds. Spread: the fastest round less the slowest, in shares of the"
        " median. CPU time: of the API and of the database, for each request.",
        "\n".join(closed_loop(results)),
        "## Targets",
        "Throughput and CPU time: the worse of both numbers of clients, and of the reads.",
        "\n".join(
            [
                "| figure | target | measured | |",
                "|---|---|---|---|",
                *map(str, targets(results)),
            ]
        ),
        "## Other servers",
        "\n".join(others(results)),
        "## Open loop",
        "k6 sends requests at a constant rate whether or not earlier ones are answered, with at"
        f" most {CLIENTS} on their way; waiting for a free connection counts as latency (no"
        " coordinated omission). A rate at which requests had to be dropped is not sustained.",
        "![Latency against offered rate](bench-open-loop.svg)",
        "\n".join(open_loop(results)),
        "![Latency of each path](bench-latency.svg)",
        TRIED.read_text(),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def surroundings(results: Results) -> str:
    about = results.about
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Commit {about['commit']} beside {about['baseline'][:12]}; {about['rows']:,} past"
        f" consultations; {about['rounds']} rounds of {about['seconds']} s; {about['cpus']} CPUs;"
        f" {versions}. Other programs used at most {about['others']:.0%} of the CPUs in a round"
        f" (limit: {about['busy']:.0%})."
    )


def closed_loop(results: Results) -> Iterator[str]:
    yield (
        "| path | clients | server | requests/s | of the peer's | spread | CPU us, API + database"
        " | p50, p95, p99 ms | of pgbench's |"
    )
    yield "|---|--:|---|--:|--:|--:|--:|--:|--:|"
    for path in paths.PATHS:
        for clients in results.clients():
            peer = results.figures(PEER, path.name, clients)
            for stack in (THIS, EARLIER, PEER, GRAPHQL):
                found = results.figures(stack, path.name, clients)
                if not found:
                    continue
                ratio = f"{found.per_second / peer.per_second:.2f}" if peer else ""
                share = share_of_pgbench(results, path.name) if stack == THIS else None
                yield (
                    f"| {path.title} | {clients} | {stack} | {found.per_second:,.0f} | {ratio}"
                    f" | {found.spread:.0%} | {found.api_us:,.0f} + {found.database_us:,.0f}"
                    f" | {_ms(found.p50_us)}, {_ms(found.p95_us)}, {_ms(found.p99_us)}"
                    f" | {f'{share:.0%}' if share is not None and clients == 8 else ''} |"
                )


def others(results: Results) -> Iterator[str]:
    for name, speeds in results.pgbench.items():
        yield f"- pgbench, {name}, 8 clients: {statistics.median(speeds):,.0f}/s"
    for stack in dict.fromkeys(r.stack for r in results.rounds if r.path == "hello"):
        for clients in results.clients():
            if found := results.figures(stack, "hello", clients):
                yield (
                    f"- {stack}, {clients} clients: {found.per_second:,.0f}/s,"
                    f" CPU {found.api_us:,.0f} us"
                )
    for stack in (THIS, events.SILENT):
        for clients in results.clients():
            if found := results.figures(stack, events.NAME, clients):
                yield (
                    f"- bookings in turns, {stack}, {clients} clients: {found.per_second:,.0f}/s,"
                    f" CPU {found.api_us:,.0f} + {found.database_us:,.0f} us"
                )
    for stack, size in results.pss_mib.items():
        yield f"- memory of a worker (PSS), {stack}: {size:.1f} MiB"
    if not any(r.stack == GRAPHQL for r in results.rounds):
        yield f"- {GRAPHQL} is left out: this machine has no Node.js with npm"


def open_loop(results: Results) -> Iterator[str]:
    yield "| path | offered/s | server | p50 ms | p95 ms | p99 ms |"
    yield "|---|--:|---|--:|--:|--:|"
    order = sorted(results.latencies, key=lambda x: (x.path, x.rate))
    for found in order:
        yield f"| {found.path} | {found.rate} | {found.stack} | {_latencies(found)} |"


def _latencies(found: Latency) -> str:
    if not found.is_sustained:
        return f"not sustained: {found.dropped} dropped | | "
    return f"{found.p50_ms:.1f} | {found.p95_ms:.1f} | {found.p99_ms:.1f}"


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1000:.1f}"
