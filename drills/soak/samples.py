"""Memory, processor time, connections, dead rows, sizes and WAL of the running clinic."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import psycopg

from drills.processes import busy_seconds, cpu_seconds, memory, open_files
from scripts.server import Cluster
from tests.support.server import Server, children

MB = 1 << 20
EVERYTHING = "everything"
# By table: a partition counts for its table.
TABLES = """
select coalesce(pg_partition_root(s.relid), s.relid)::regclass::text,
       sum(s.n_live_tup)::bigint, sum(s.n_dead_tup)::bigint, sum(s.autovacuum_count)::bigint,
       sum(pg_table_size(s.relid))::bigint, sum(pg_indexes_size(s.relid))::bigint
  from pg_stat_user_tables as s
 where s.schemaname = 'app'
 group by 1
"""
SERVER = """
select (select count(*) from pg_stat_activity where usename = 'telemed_api'),
       (pg_current_wal_lsn() - '0/0')::bigint,
       (select deadlocks from pg_stat_database where datname = current_database())
"""


@dataclass
class Table:
    """Rows, dead rows, vacuums, and bytes of a table and of its indexes."""

    live: int
    dead: int
    vacuums: int
    heap: int
    indexes: int


@dataclass
class Sample:
    """The clinic at one moment. at: seconds since the start; memory in bytes.

    workers: the proportional set size (PSS) of each worker. files: the open files of each worker.
    private: memory of the database that is not shared_buffers; shared: shared_buffers in use.
    processor: seconds that the API and the database have used, and this computer in all.
    """

    at: float
    workers: list[int]
    files: list[int]
    private: int
    shared: int
    connections: int
    wal: int
    deadlocks: int
    tables: dict[str, Table]
    processor: dict[str, float]


class Sampler:
    """Takes samples of a server and its database."""

    def __init__(self, cluster: Cluster, database: str, server: Server) -> None:
        self._api = server.process.pid
        self._database = int((cluster.data / "postmaster.pid").read_text().split("\n", 1)[0])
        self._connection = psycopg.connect(cluster.url(database), autocommit=True)
        self._began = time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement.encode()).fetchall()

    def sample(self) -> Sample:
        ((connections, wal, deadlocks),) = self.sql(SERVER)
        workers = children(self._api)
        own = self._connection.info.backend_pid
        database = [memory(pid) for pid in children(self._database) if pid != own]
        return Sample(
            at=time.monotonic() - self._began,
            workers=[memory(pid).get("Pss", 0) for pid in workers],
            files=[open_files(pid) for pid in workers],
            private=sum(m.get("Pss_Anon", 0) for m in database),
            shared=sum(m.get("Pss_Shmem", 0) for m in database),
            connections=connections,
            wal=wal,
            deadlocks=deadlocks,
            tables={name: Table(*figures) for name, *figures in self.sql(TABLES)},
            processor={
                "API": cpu_seconds(self._api),
                "database": cpu_seconds(self._database),
                EVERYTHING: busy_seconds(),
            },
        )
