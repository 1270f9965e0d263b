"""PgBouncer: its map of databases, which is a file, and its admin console."""

from __future__ import annotations

import contextlib
import re
import select
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from scripts.replication import connect
from scripts.system import CommandError

OPTION = re.compile(r"(\w+)\s*=\s*('(?:[^']|'')*'|\S+)")
Tell = Callable[[str, float], list[dict[str, Any]]]


class Map:
    """The line of a database in a file with the map of PgBouncer (its section `databases`)."""

    def __init__(self, file: Path, name: str) -> None:
        """Raises CommandError."""
        self.file = file
        self.name = name
        self._read()

    def _read(self) -> None:
        self._text = self.file.read_text()
        name = re.escape(self.name)
        lines = re.findall(rf"^[ \t]*{name}[ \t]*=[ \t]*(.*)$", self._text, re.M)
        if len(lines) != 1:
            raise CommandError(
                f"{self.file} must have one line for {self.name}, and has {len(lines)}"
            )
        self._line: str = lines[0]
        found = {option: value.strip("'") for option, value in OPTION.findall(self._line)}
        self.place = Place(
            found.get("host", ""), found.get("port", "5432"), found.get("dbname", self.name)
        )

    def lead_to(self, place: Place) -> None:
        """Write the file with another place, and everything else as it is."""
        self._read()  # the copy took a while
        if self.place == place:
            return
        others = [
            f"{option}={value}"
            for option, value in OPTION.findall(self._line)
            if option not in ("host", "port", "dbname")
        ]
        own = [f"host={place.host}", f"port={place.port}", f"dbname={place.database}"]
        line = re.compile(rf"^([ \t]*{re.escape(self.name)}[ \t]*=[ \t]*).*$", re.M)
        # Written in place: a new file may have another owner, and cannot replace a mounted one.
        self.file.write_text(line.sub(lambda found: found[1] + " ".join(own + others), self._text))


@dataclass(frozen=True)
class Place:
    """Where a database is, as the map of PgBouncer says it."""

    host: str
    port: str
    database: str

    @classmethod
    def of(cls, server: str) -> Place:
        """That of a connection string."""
        found = conninfo_to_dict(server)
        host, name = str(found.get("host") or ""), str(found.get("dbname") or "")
        return cls(host, str(found.get("port") or 5432), name)

    @classmethod
    def shown(cls, row: Mapping[str, str]) -> Place:
        """That of a row of SHOW DATABASES."""
        return cls(row["host"], row["port"], row["database"])


@contextlib.contextmanager
def console(pooler: str) -> Iterator[Tell]:
    """A function that gives a command to PgBouncer, and returns its rows within some seconds."""
    with connect(pooler) as connection:
        server = connection.pgconn

        def tell(command: str, seconds: float) -> list[dict[str, Any]]:
            deadline = time.monotonic() + seconds
            server.send_query(command.encode())  # the console knows only simple queries
            rows: list[dict[str, Any]] = []
            while True:
                while server.is_busy():
                    left = max(0.0, deadline - time.monotonic())
                    if not select.select([server.socket], [], [], left)[0]:
                        connection.close()
                        raise CommandError(f"PgBouncer did not finish {command} in {seconds:.1f} s")
                    server.consume_input()
                if (result := server.get_result()) is None:
                    return rows
                if result.error_message:
                    message = result.error_message.decode().strip()
                    raise CommandError(f"PgBouncer: {command}: {message}")
                names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
                for number in range(result.ntuples):
                    values = (result.get_value(number, n) for n in range(result.nfields))
                    rows.append(
                        {k: (v or b"").decode() for k, v in zip(names, values, strict=True)}
                    )

        yield tell
