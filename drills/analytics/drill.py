"""Bookings by turns with and without the fold, and the times of the figures."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from drills.hot_paths import Stock, at_work
from drills.past import make_past
from scripts.server import Cluster
from scripts.system import say
from tests.support.sql_client import Person, SqlClient

DATABASE = "analytics"
SLOTS_A_YEAR = 365 * 48  # half hours, back to back
PATIENTS = 20_000
BOOKINGS_A_SECOND = 2_000  # more than two clients can
TURNS = 6
WARM_UP_SECONDS = 5
EVERY_SECONDS = 1.0
CALLS = 20
BOUND_SECONDS = 1.0
SMALLEST_RATIO = 0.9
BERLIN = ZoneInfo("Europe/Berlin")

# The jobs beside the bookings, by what stands in the report.
SEALED, FOLDED, READ = MODES = (
    "the audit log sealed",
    "and folded",
    "and an admin reads the figures of the year",
)
PAID = """
insert into app.payments (consultation_id, kind, amount_minor, currency, method, created_at)
select c.id, 'payment', c.fee_minor, c.currency, 'card', c.ends_at
  from app.consultations as c where c.status = 'completed';
with admin as (
    insert into app.users (email, password_hash, role)
    values ('admin@scale.test', '$2b$04$' || repeat('a', 53), 'admin') returning id
), named as (
    insert into app.profiles (user_id, full_name) select id, 'A Name' from admin
)
insert into app.sessions (user_id) select id from admin
"""
ADMIN = """
select u.id, u.role, s.id from app.users as u join app.sessions as s on s.user_id = u.id
 where u.role = 'admin'
"""


@dataclass
class Findings:
    """What was measured.

    bookings: by mode, the seconds of each booking. ratio: the median over the turns of the number
    of bookings with the fold by the number without. folded: ids that were folded meanwhile.
    pending: changes that were not folded when the figures were read. figures: by range, the seconds
    of each call. counted: the consultations in the figures of the year.
    """

    doctors: int
    bookings: dict[str, list[float]]
    ratio: float
    folded: int
    pending: int
    figures: dict[str, list[float]]
    counted: int


def measure(
    cluster: Cluster, size: int, seconds: float, *, patients: int = PATIENTS, turns: int = TURNS
) -> Findings:
    """Make a year with `size` consultations, and measure bookings for `seconds` in all."""
    began = time.monotonic()
    doctors = max(2, round(size / SLOTS_A_YEAR))
    booked = (seconds + WARM_UP_SECONDS) * BOOKINGS_A_SECOND
    make_past(
        cluster,
        DATABASE,
        size,
        int(booked / doctors) + 1,
        doctors=doctors,
        patients=patients,
        then=PAID,
    )
    say(f"analytics: {size:,} consultations: {time.monotonic() - began:.0f} s")
    with psycopg.connect(cluster.url(DATABASE)) as connection:
        (admin,) = [Person(str(i), r, str(s)) for i, r, s in connection.execute(ADMIN)]
    bookings, folded = book_by_turns(cluster, admin, seconds, turns)
    turns_of = zip(bookings[SEALED], bookings[FOLDED], strict=True)
    ratio = statistics.median(len(with_) / len(without) for without, with_ in turns_of)
    (pending,) = only_row(cluster, PENDING)
    figures, counted = read_figures(cluster, admin)
    flat = {mode: [each for turn in by_turn for each in turn] for mode, by_turn in bookings.items()}
    return Findings(doctors, flat, ratio, folded, pending, figures, counted)


PENDING = """
select count(*) from app.activity_of_changes((select last_id from app.activity_folds))
"""
LAST_ID = "select last_id from app.activity_folds"


def only_row(cluster: Cluster, query: str) -> tuple[int, ...]:
    with psycopg.connect(cluster.url(DATABASE)) as connection:
        return connection.execute(query.encode()).fetchone() or ()


def book_by_turns(
    cluster: Cluster, admin: Person, seconds: float, turns: int
) -> tuple[dict[str, list[list[float]]], int]:
    """By mode, the seconds of the bookings of each turn; and the ids that were folded."""
    book = Stock.of(cluster, DATABASE).book
    year = ranges()["a year, by day in Berlin"]
    at_work(cluster, DATABASE, book, min(WARM_UP_SECONDS, seconds))
    (before,) = only_row(cluster, LAST_ID)
    found: dict[str, list[list[float]]] = {mode: [] for mode in MODES}
    with ExitStack() as stack:
        operator = stack.enter_context(psycopg.connect(cluster.url(DATABASE), autocommit=True))
        reader = stack.enter_context(closing(SqlClient(cluster.url(DATABASE, "telemed_api"))))

        def seal() -> None:
            operator.execute("select ops.seal_audit()")

        def seal_and_fold() -> None:
            seal()
            operator.execute("select ops.fold_activity()")

        def read() -> None:
            answer = reader.call(admin, "clinic_analytics", **year)
            assert answer.code == "", answer

        jobs: dict[str, tuple[Callable[[], None], ...]] = {
            SEALED: (seal,),
            FOLDED: (seal_and_fold,),
            READ: (seal_and_fold, read),
        }
        for turn in range(turns):
            # What the turn without the fold has left is folded before the next one.
            for mode in MODES if turn % 2 else reversed(MODES):
                seal_and_fold()
                with beside(*jobs[mode]):
                    work = at_work(cluster, DATABASE, book, seconds / len(MODES) / turns)
                found[mode].append(work)
    (after,) = only_row(cluster, LAST_ID)
    return found, after - before


@contextmanager
def beside(*jobs: Callable[[], None]) -> Iterator[None]:
    """Repeat jobs, each in a thread of its own, until the block ends."""
    over = threading.Event()

    def repeat(job: Callable[[], None]) -> None:
        while True:
            job()
            if over.wait(EVERY_SECONDS):
                return

    with ThreadPoolExecutor(len(jobs)) as pool:
        repeated = [pool.submit(repeat, job) for job in jobs]
        try:
            yield
        finally:
            over.set()
        for each in repeated:
            each.result()


def ranges() -> dict[str, dict[str, object]]:
    """The arguments of the calls that are timed, by what stands in the report."""
    now = datetime.now(UTC)
    midnight = now.astimezone(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    berlin: dict[str, object] = {"time_zone": str(BERLIN)}

    def last(days: int, end: datetime) -> dict[str, object]:
        return {"from": end - timedelta(days=days), "to": end}

    return {
        "a year, by day in Berlin": last(365, midnight) | berlin,
        "a year, by week in Berlin": last(365, midnight) | berlin | {"bucket": "week"},
        "a year whose ends are within a quarter of an hour": last(365, now),
        "a month, by day in Berlin": last(30, midnight) | berlin,
        "everything, by day": {},
    }


def read_figures(cluster: Cluster, admin: Person) -> tuple[dict[str, list[float]], int]:
    """The seconds of each call of each range, after one that is not timed; the consultations."""
    found: dict[str, list[float]] = {}
    counted = 0
    with closing(SqlClient(cluster.url(DATABASE, "telemed_api"))) as client:
        for name, arguments in ranges().items():
            times = []
            for _ in range(CALLS + 1):
                began = time.monotonic()
                answer = client.call(admin, "clinic_analytics", **arguments)
                times.append(time.monotonic() - began)
                assert answer.code == "", answer
            found[name] = times[1:]
            counted = answer.row["consultations"]
    return found, counted


def problems(found: Findings) -> list[str]:
    """What is not within its bounds."""
    slow = {
        name: p95
        for name, times in found.figures.items()
        if (p95 := sorted(times)[int(len(times) * 0.95)]) > BOUND_SECONDS
    }
    problems = [f"{name}: p95 {p95:.2f} s" for name, p95 in slow.items()]
    if found.ratio < SMALLEST_RATIO:
        problems.append(f"{found.ratio:.2f} times as many bookings with the fold as without")
    return problems
