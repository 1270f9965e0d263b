"""Reads rbac.txt: the status of every operation for every kind of caller."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("rbac.txt")
ROLES = {"pat": "patient", "pat2": "patient", "doc": "doctor", "doc2": "doctor", "adm": "admin"}
ORDINARY = ("any", *ROLES)
# Callers whose token is refused, with the code of the refusal.
REVOKED = {"off": "TM102", "new": "TM102", "exp": "TM101", "aud": "TM101", "out": "TM102"}
# A caller who logged in without the second factor that their role requires.
WITHOUT_FACTOR = {"2fa": "TM302"}


@dataclass(frozen=True)
class Line:
    """An operation and its status for each column. nowhere: with an id that does not exist."""

    operation: str
    nowhere: bool
    statuses: dict[str, int]

    def __str__(self) -> str:
        return self.operation + (" of an unknown id" if self.nowhere else "")


def _lines() -> list[Line]:
    rows = [row for row in TABLE.read_text().splitlines() if row and not row.startswith("#")]
    columns = rows[0].split()[1:]
    assert columns == [*ORDINARY, *REVOKED, *WITHOUT_FACTOR]
    lines: list[Line] = []
    for row in rows[1:]:
        name, *cells = re.split(r" +(?=\d{3}\b)", row)
        nowhere = name.startswith(" ")
        statuses = dict(zip(columns, map(int, cells), strict=True))
        lines.append(Line(lines[-1].operation if nowhere else name, nowhere, statuses))
    return lines


LINES = _lines()
OPERATIONS = [line.operation for line in LINES if not line.nowhere]
