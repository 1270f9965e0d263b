"""`make verify-audit`: the audit log and its seals, verified without the database's functions.

It reads the views ops.audit_logs and ops.audit_seals, as a member of telemed_auditor can, and
computes every hash by itself, as docs/audit.md describes it. Nothing is shared with
ops.verify_audit, so that each one finds a mistake, or a manipulation, of the other.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from scripts.cluster import DBA_LOGIN, development_cluster
from scripts.system import CommandError, command_line

NOTHING = "00" * 32
SEALS = """
    select id, kind, month::text, after_id, last_id, row_count, rows_digest,
           (extract(epoch from sealed_at) * 1000000)::bigint as sealed_at, database_login,
           previous_hash, hash
      from ops.audit_seals order by id"""
ROWS = """
    select id, (extract(epoch from occurred_at) * 1000000)::bigint as occurred_at,
           to_char(occurred_at at time zone 'UTC', 'YYYY-MM-01') as month, table_name, row_id,
           operation, old::text, new::text, user_id::text, role, database_login, request_id,
           row_hash
      from ops.audit_logs order by id"""

Record = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(prog="verify-audit", description=__doc__)
    parser.add_argument("--database", help="a connection string; by default that of `make run`")
    parser.add_argument("--seals", type=Path, help="seals that were exported before: compare them")
    parser.add_argument(
        "--export", action="store_true", help="write the seals to that file, if all is well"
    )
    arguments = parser.parse_args()
    if arguments.export and not arguments.seals:
        raise CommandError("--export needs --seals, the file to write to")
    exported = read_seals(arguments.seals) if arguments.seals and arguments.seals.exists() else []
    with psycopg.connect(arguments.database or development(), row_factory=dict_row) as connection:
        connection.read_only = True
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        seals = connection.execute(SEALS).fetchall()
        with connection.cursor("rows") as rows:
            rows.itersize = 5000
            report = verify(seals, rows.execute(ROWS), exported)
    for problem in report.problems:
        print(problem)
    print(
        f"verify-audit: {report.rows} rows, {report.sealed} of them sealed, {len(seals)} seals,"
        f" {len(exported)} exported before: {len(report.problems) or 'no'} problems"
    )
    if report.problems:
        sys.exit(1)
    if arguments.export:
        lines = (json.dumps(seal, ensure_ascii=False) + "\n" for seal in seals)
        arguments.seals.write_text("".join(lines))


def development() -> str:
    cluster = development_cluster()
    if not cluster.running():
        raise CommandError("the development database is not running: `make run`, or --database")
    return cluster.url(user=DBA_LOGIN)


def read_seals(path: Path) -> list[Record]:
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError as error:
        raise CommandError(f"{path} is not a file of exported seals: {error}") from None


@dataclass
class Report:
    rows: int = 0
    sealed: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Sealed:
    """What is found in the range of a seal."""

    seal: Record
    rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


def verify(seals: list[Record], rows: Iterable[Record], exported: list[Record]) -> Report:
    """Compare every row with its hash, rows with their seals, seals with one another."""
    report = Report(problems=[*chain_problems(seals), *export_problems(seals, exported)])
    ranges: dict[str, list[Sealed]] = defaultdict(list)
    for seal in seals:
        if seal["kind"] == "rows":
            ranges[seal["month"]].append(Sealed(seal))
    waiting = {month: iter(of_month) for month, of_month in ranges.items()}
    current = {month: next(of_month) for month, of_month in waiting.items()}
    last_sealed = max((seal["last_id"] for seal in seals), default=0)
    for row in rows:
        report.rows += 1
        if row_hash(row) != row["row_hash"]:
            report.problems.append(f"row {row['id']}: its hash does not match its contents")
        if row["id"] > last_sealed:
            continue
        found = current.get(row["month"])
        while found and found.seal["last_id"] < row["id"]:
            found = next(waiting[row["month"]], None)
            if found:
                current[row["month"]] = found
            else:
                del current[row["month"]]
        if not found or row["id"] <= found.seal["after_id"]:
            report.problems.append(f"row {row['id']}: it came after its range was sealed")
            continue
        report.sealed += 1
        found.rows += 1
        found.digest.update(bytes.fromhex(row["row_hash"]))
    retired = {seal["month"] for seal in seals if seal["kind"] == "retirement"}
    for month, of_month in ranges.items():
        report.problems += range_problems(of_month, month in retired)
    return report


def row_hash(row: Record) -> str:
    scalars = ("user_id", "role", "database_login", "request_id")
    parts = [
        str(row["id"]),
        str(row["occurred_at"]),
        *(quoted(row[name]) for name in ("table_name", "row_id", "operation")),
        # Already JSON, as PostgreSQL prints it.
        *(row[name] or "null" for name in ("old", "new")),
        *(quoted(row[name]) for name in scalars),
    ]
    return sha256(parts)


def seal_hash(seal: Record) -> str:
    range_ = ("id", "kind", "month", "after_id", "last_id", "row_count", "rows_digest")
    names = (*range_, "sealed_at", "database_login", "previous_hash")
    return sha256(quoted(seal[name]) for name in names)


def quoted(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def sha256(parts: Iterable[str]) -> str:
    return hashlib.sha256(f"[{', '.join(parts)}]".encode()).hexdigest()


def range_problems(of_month: list[Sealed], retired: bool) -> Iterator[str]:
    for found in of_month:
        seal = found.seal
        if retired:
            if found.rows:
                yield f"seal {seal['id']}: {found.rows} rows are there of a month that was dropped"
        elif found.rows != seal["row_count"]:
            yield f"seal {seal['id']}: {seal['row_count']} rows were sealed, {found.rows} are there"
        elif found.digest.hexdigest() != seal["rows_digest"]:
            yield f"seal {seal['id']}: its rows have other hashes than those that were sealed"


def chain_problems(seals: list[Record]) -> Iterator[str]:
    before: Record = {"id": 0, "hash": NOTHING, "after_id": 0, "last_id": 0, "month": ""}
    for seal in seals:
        if seal_hash(seal) != seal["hash"]:
            yield f"seal {seal['id']}: its hash does not match its contents"
        same_range = seal["after_id"] == before["after_id"] and seal["last_id"] == before["last_id"]
        follows = seal["after_id"] == before["last_id"] or (
            same_range and seal["month"] > before["month"]
        )
        if not follows or (seal["id"], seal["previous_hash"]) != (before["id"] + 1, before["hash"]):
            yield f"seal {seal['id']}: it does not follow the one before"
        if seal["kind"] == "retirement":
            of_month = [s for s in seals if (s["month"], s["kind"]) == (seal["month"], "rows")]
            hashes = b"".join(bytes.fromhex(s["hash"]) for s in of_month)
            if (seal["row_count"], seal["rows_digest"]) != (
                sum(s["row_count"] for s in of_month),
                hashlib.sha256(hashes).hexdigest(),
            ):
                yield f"seal {seal['id']}: these are not the seals of the month that was dropped"
        before = seal


def export_problems(seals: list[Record], exported: list[Record]) -> Iterator[str]:
    present = {seal["id"]: seal for seal in seals}
    for seal in exported:
        if seal["id"] not in present:
            yield f"seal {seal['id']}: it was exported and is missing: the log has lost its end"
        elif seal != present[seal["id"]]:
            yield f"seal {seal['id']}: it is not the one that was exported"


if __name__ == "__main__":
    command_line("verify-audit", main)
