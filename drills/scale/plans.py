"""The plans of the statements that a call runs, as auto_explain reports them.

PostgreSQL plans each statement of a function five times with the values of its parameters. From the
sixth execution on it may keep a plan without them, which may be a different one.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import psycopg
from psycopg.errors import Diagnostic

from drills.hot_paths import Call, Stock
from scripts.server import Cluster
from tests.support.client import new_key
from tests.support.sql_client import SqlClient

EXECUTIONS = 8
# Tables that grow with the clinic. The name of a partition begins with that of its table.
BIG = (
    "access_logs",
    "audit_logs",
    "availability_slots",
    "consultations",
    "idempotency_keys",
    "profiles",
    "sessions",
    "users",
)
SETTINGS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    # As ops.advise advises. With the default of 4, lists may get plans that sort.
    "random_page_cost": "1.1",
}

EARLIEST_FIRST: dict[str, object] = {"order": "starts_at"}
TAKEN = "select id from app.availability_slots where status = 'booked' order by id limit 100"
# Hours of every day in the zone of a patient.
HOURS: dict[str, object] = {
    "weekdays": [1, 2, 3, 4, 5, 6, 7],
    "between": "08:00-12:00",
    "time_zone": "Europe/Berlin",
}
# The index that each path needs: another one would read the rows of other people, too.
INDEXES = {
    "book": "consultations_of_a_patient_never_overlap",
    "book a slot that is taken": "consultations_one_per_slot",
    "replay": "idempotency_keys_are_used_once",
    "get, as the patient": "consultations_pkey",
    "list, as the patient": "consultations_by_patient",
    "list, as the doctor": "consultations_by_doctor",
    "list, as an admin": "consultations_by_time",
    "list, the earliest first, as the patient": "consultations_by_patient",
    "list, the earliest first, as the doctor": "consultations_by_doctor",
    "list, the earliest first, as an admin": "consultations_by_time",
    "open slots of a doctor": "availability_slots_open_by_doctor",
    "open slots of a specialty": "availability_slots_open_by_specialty",
    "open slots": "availability_slots_open_by_time",
    "open slots of few doctors, by hours": "availability_slots_open_by_doctor",
    "open slots of a specialty, by hours": "availability_slots_open_by_specialty",
    "open slots of many doctors, by hours": "availability_slots_open_by_time",
    "open slots of many doctors, by language": "availability_slots_open_by_time",
    "calendar of a doctor": "availability_slots_open_by_doctor",
    "doctors by next free time": "availability_slots_open_by_doctor",
}


class Scan(NamedTuple):
    """A scan of a big table. searched: whether a part of the table or index is read, not all."""

    node: str
    table: str
    index_name: str
    searched: bool


# The scans of each statement that one call runs, by the text of the statement.
Plans = Mapping[str, frozenset[Scan]]


class Reporter(SqlClient):
    """A client that also receives the plans of the statements that it causes."""

    def __init__(self, cluster: Cluster, database: str) -> None:
        self._cluster, self._database = cluster, database
        for name, value in SETTINGS.items():
            cluster.sql(f"alter database \"{database}\" set {name} = '{value}'")
        self._scans: defaultdict[str, set[Scan]] = defaultdict(set)
        super().__init__(cluster.url(database, "telemed_api"))
        self.connection.add_notice_handler(self._receive)

    def close(self) -> None:
        """Later sessions report nothing."""
        super().close()
        for name in SETTINGS:
            self._cluster.sql(f'alter database "{self._database}" reset {name}')

    def executions(self, call: Callable[[], Call]) -> list[Plans]:
        """The plans of each of several calls."""
        return [self.plans(call()) for _ in range(EXECUTIONS)]

    def plans(self, call: Call) -> Plans:
        """The plans of a call, which has to succeed or to find that a slot is taken."""
        person, function, arguments = call
        self._scans.clear()
        answer = self.call(person, function, **arguments)
        assert answer.code in ("", "TM901", "TM918"), answer
        return {text: frozenset(scans) for text, scans in self._scans.items()}

    def _receive(self, notice: Diagnostic) -> None:
        _, found, text = (notice.message_primary or "").partition("plan:\n")
        if found:
            report = json.loads(text)
            statement = " ".join(report["Query Text"].split())
            self._scans[statement].update(scans(report["Plan"]))


def calls_of(
    cluster: Cluster, database: str, stock: Stock, chance: random.Random
) -> dict[str, Callable[[], Call]]:
    """A call of each path but those of an admin, with other values each time."""
    with psycopg.connect(cluster.url(database)) as connection:
        taken = [str(id_) for (id_,) in connection.execute(TAKEN)]
    replayed = stock.book()
    with closing(SqlClient(cluster.url(database, "telemed_api"))) as client:
        person, function, arguments = replayed
        answer = client.call(person, function, **arguments)
        assert not answer.code, answer

    def taken_slot() -> Call:
        arguments = {"slot_id": chance.choice(taken), "idempotency_key": new_key()}
        return chance.choice(stock.patients), "book_consultation", arguments

    def slots(function: str, **arguments: object) -> Call:
        return chance.choice(stock.patients), function, arguments

    return stock.calls(chance) | {
        "list, the earliest first, as the patient": lambda: (
            chance.choice(stock.patients),
            "list_consultations",
            EARLIEST_FIRST,
        ),
        "list, the earliest first, as the doctor": lambda: (
            chance.choice(stock.doctors),
            "list_consultations",
            EARLIEST_FIRST,
        ),
        "book a slot that is taken": taken_slot,
        "replay": lambda: replayed,
        "open slots of a doctor": lambda: slots(
            "list_open_slots", doctor_id=chance.choice(stock.doctors).id
        ),
        "open slots of a specialty": lambda: slots(
            "find_open_slots", specialty=f"Specialty {chance.randrange(20)}"
        ),
        "open slots": lambda: slots("find_open_slots"),
        "open slots of few doctors, by hours": lambda: slots(
            "find_open_slots", language="es", **HOURS
        ),
        "open slots of a specialty, by hours": lambda: slots(
            "find_open_slots", specialty=f"Specialty {chance.randrange(20)}", **HOURS
        ),
        "open slots of many doctors, by hours": lambda: slots("find_open_slots", **HOURS),
        "open slots of many doctors, by language": lambda: slots("find_open_slots", language="de"),
        "calendar of a doctor": lambda: slots(
            "doctor_calendar", doctor_id=chance.choice(stock.doctors).id
        ),
        "doctors by next free time": lambda: slots("list_doctors", sort="next_free"),
    }


def scans(node: Mapping[str, Any], table: str = "") -> Iterator[Scan]:
    """The scans of big tables in a plan. table: that of the bitmap of which `node` is a part."""
    kind = node["Node Type"]
    table = node.get("Relation Name", table)
    if kind.endswith("Scan") and is_big(table):
        searched = kind == "Bitmap Heap Scan" or "Index Cond" in node
        yield Scan(kind, table, node.get("Index Name", ""), searched)
    for child in node.get("Plans", ()):
        yield from scans(child, table if kind.startswith("Bitmap") else "")


def is_big(table: str) -> bool:
    return any(table == big or table.startswith(f"{big}_") for big in BIG)


def problems(executions: Sequence[Plans], index: str) -> list[str]:
    """The scans that read a whole big table, and the statements whose plan has changed.

    index: the one that each execution has to use.
    """
    nothing: frozenset[Scan] = frozenset()
    found: dict[str, int] = {}
    for number, plans in enumerate(executions, 1):
        for statement in dict.fromkeys([*executions[0], *plans]):
            first, now = executions[0].get(statement, nothing), plans.get(statement, nothing)
            for scan in now:
                if not scan.searched:
                    found.setdefault(f"{scan.node} of all of {scan.table}: {statement}", number)
            if first != now:
                found.setdefault(f"{_listed(first)} became {_listed(now)}: {statement}", number)
        used = (scan for now in plans.values() for scan in now if scan.index_name == index)
        # A bitmap loses the order of the index: all rows that it finds are read and sorted.
        if all(scan.node == "Bitmap Index Scan" for scan in used):
            found.setdefault(f"{index} is not used in its order", number)
    return [f"execution {number}: {problem}" for problem, number in found.items()]


def _listed(found: frozenset[Scan]) -> str:
    return ", ".join(sorted(f"{s.node} of {s.index_name or s.table}" for s in found)) or "no scan"
