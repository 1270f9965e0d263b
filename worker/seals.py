"""The copy of the audit log's seals in AUDIT_SEALS_FOLDER.

Whoever can change the database can write a new chain of seals. A copy elsewhere shows it:
`make verify-audit SEALS=folder/audit-seals.jsonl`, docs/audit.md.
"""

import asyncio
import json
import os
from pathlib import Path

from worker import db

FILE = "audit-seals.jsonl"
NOTHING = "00" * 32
TAIL = 4096  # bytes; a line has fewer than 1,000

_folder: Path | None = None


class SealsDifferError(Exception):
    """The next seal of the database does not follow the last one of the copy."""


def keep_in(folder: str) -> None:
    """Choose the folder; an empty name chooses none."""
    global _folder
    _folder = Path(folder) if folder else None


async def export() -> None:
    """Append the seals that the copy lacks.

    Raises SealsDifferError if the chain of the database is not the one of the copy, OSError.
    """
    if _folder is None:
        return
    path = _folder / FILE
    while True:
        last, end = await asyncio.to_thread(last_seal, path)
        rows = await db.call("audit_seals", after_id=last.get("id", 0))
        if not rows:
            return
        seals = [row["audit_seals"] for row in rows]
        if seals[0]["previous_hash"] != last.get("hash", NOTHING):
            raise SealsDifferError(f"seal {seals[0]['id']} does not follow the copy in {path}")
        await asyncio.to_thread(append, path, end, seals)


def last_seal(path: Path) -> tuple[db.Row, int]:
    """The last seal of the copy, empty if it has none, and where its line ends."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return {}, 0
    with path.open("rb") as file:
        start = max(0, size - TAIL)
        file.seek(start)
        tail = file.read()
    # What stands after the last end of a line was being written when a worker was killed.
    end = tail.rfind(b"\n") + 1
    lines = tail[:end].splitlines()
    seal: db.Row = json.loads(lines[-1]) if lines else {}
    return seal, start + end


def append(path: Path, end: int, seals: list[db.Row]) -> None:
    """Write seals at the position `end`, and to the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(end)
        file.seek(end)
        file.writelines(json.dumps(seal, ensure_ascii=False).encode() + b"\n" for seal in seals)
        file.flush()
        os.fsync(file.fileno())
