"""pgbench with the statement that the API sends: the most that a server in front could reach."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from api import context, db
from drills.bench.load import Meter
from drills.bench.paths import DISTINCT, PAGE
from drills.bench.stacks import Stack
from scripts.cluster import THROWAWAY_CONTEXT_KEY
from scripts.system import CommandError, installation

CLIENTS = 8  # as many as the API has connections
BOOKINGS_A_SECOND = 4_000
RESULT = re.compile(r"actually processed: (\d+).*failed transactions: (\d+).*tps = ([\d.]+)", re.S)
# One row for each call. The statement reads its row, and then does what the API's statement does.
CALLS = """
drop table if exists scale.calls;
create table scale.calls (n int primary key, v0 text, v1 text, v2 text, v3 text, id uuid, key text);
grant usage on schema scale to telemed_api;
grant select on scale.calls to telemed_api
"""
TAKEN = "select slot_id from app.consultations where starts_at > now()"
PEOPLE = "select id::text, session_id::text from scale.people where role = 'patient' order by n"


@dataclass(frozen=True)
class Speed:
    """Transactions a second, and the share of the CPUs that other programs used."""

    per_second: float
    others: float


@dataclass
class Calls:
    """Calls with signed contexts, in a table of the stack's database."""

    stack: Stack
    slots: list[tuple[str, int]]
    booked: int = 0

    def __post_init__(self) -> None:
        with psycopg.connect(self.stack.connection) as connection:
            self._people = connection.execute(PEOPLE).fetchall()

    def measure(self, meter: Meter, path: str, seconds: int) -> Speed:
        """Transactions a second of a path."""
        rows = self._chosen(path, seconds)
        self._write(rows)
        # A booking takes the next row, a read any.
        choice = f":client_id + {CLIENTS} * :i" if path == "book" else f"random(0, {len(rows) - 1})"
        script = self.stack.log.with_name("pgbench.sql")
        script.write_text(f"\\set i :i + 1\n\\set n {choice}\n{statement(path)};\n")
        found = psycopg.conninfo.conninfo_to_dict(self.stack.connection)
        command = (
            *(str(installation().binaries / "pgbench"), "-n", "-M", "prepared", "-D", "i=-1"),
            *("-c", str(CLIENTS), "-j", "1", "-T", str(seconds), "-f", str(script)),
            *("-h", str(found["host"]), "-p", "5432", "-U", "telemed_api", str(found["dbname"])),
        )
        with meter.watching(self.stack) as usage:
            result = subprocess.run(command, capture_output=True, text=True)
        count, speed = parse(result.stdout + result.stderr)
        if path == "book":
            self.booked += count
        return Speed(speed, usage.others)

    def _write(self, rows: Sequence[tuple[int, str]]) -> None:
        """Sign just before the calls, because a signature is valid for a minute."""
        with psycopg.connect(self.stack.connection) as connection:
            connection.execute(CALLS)
            with connection.cursor().copy("copy scale.calls from stdin") as copy:
                for n, (patient, id_) in enumerate(rows):
                    user, session = self._people[patient]
                    request = f"pgbench-{n}"
                    proof = context.sign(THROWAWAY_CONTEXT_KEY, user, "patient", session, request)
                    copy.write_row((n, user, "patient", request, proof, id_, f"pgbench-{id_}"))
        with psycopg.connect(self.stack.connection, autocommit=True) as connection:
            connection.execute("vacuum analyze scale.calls")

    def _chosen(self, path: str, seconds: int) -> list[tuple[int, str]]:
        """A patient and an id for each call."""
        if path == "book":
            with psycopg.connect(self.stack.connection) as connection:
                taken = {str(id_) for (id_,) in connection.execute(TAKEN)}
            open_ = ((patient, slot) for slot, patient in self.slots if slot not in taken)
            return list(itertools.islice(open_, seconds * BOOKINGS_A_SECOND))
        data = self.stack.data
        if path == "get":
            return [(patient, id_) for id_, patient in data["consultations"][:DISTINCT]]
        return [(n % data["callers"], id_) for n, id_ in enumerate(data["doctors"])]


def statement(path: str) -> str:
    """The statement of the API for a path, with the values of the row :n of scale.calls."""
    template, *arguments = {
        "book": (
            db._row("book_consultation", ("slot_id", "reason", "idempotency_key")),
            "(select id from call)",
            "'A check-up'",
            "(select key from call)",
        ),
        "slots": (
            db._page("list_open_slots", ("limit", "doctor_id")),
            "50",
            "(select id from call)",
        ),
        "get": (db._row("get_consultation", ("consultation_id",)), "(select id from call)"),
        "list": (db._page("list_consultations", ("limit",)), str(PAGE)),
    }[path]
    values = [*(f"(select v{n} from call)" for n in range(4)), *arguments]
    text = re.sub(r"\$(\d+)", lambda found: values[int(found[1]) - 1], template.decode())
    call = "with call as materialized (select * from scale.calls where n = :n)"
    return re.sub(r"^\s*with\b", f"{call},", text)


def parse(output: str) -> tuple[int, float]:
    """The transactions of a run, and how many a second. Raises CommandError if one failed."""
    found = RESULT.search(output)
    if not found or int(found[2]):
        raise CommandError(f"pgbench failed: {output.strip()}")
    return int(found[1]), float(found[3])
