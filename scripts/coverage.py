"""`make coverage`: which statements and branches of the functions the pgTAP suite goes through.

plpgsql_check's profiler counts. The least covered function comes first, with the lines that nothing
reached (counted from the beginning of its body). It fails below the bar.
"""

from __future__ import annotations

import json
from typing import Any

from scripts.cluster import TEMPLATE, deploy, throwaway_cluster
from scripts.system import CommandError, command_line, say
from scripts.test import database_for_pgtap, pg_prove

STATEMENTS_PERCENT = 100
BRANCHES_PERCENT = 95
OURS = "p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace)"
# What does nothing is not counted as a statement: a block, and the return at a function's end.
PLPGSQL = f"""
    select coalesce(json_agg(c order by c.statements, c.branches, c.name), '[]')
      from (select p.oid::regprocedure::text as name,
                   round(100 * plpgsql_coverage_statements(p.oid))::integer as statements,
                   round(100 * plpgsql_coverage_branches(p.oid))::integer as branches,
                   coalesce((select json_agg(distinct s.lineno order by s.lineno)
                      from plpgsql_profiler_function_statements_tb(p.oid) as s
                     where s.exec_stmts = 0 and s.lineno > 0), '[]') as lines
              from pg_proc as p
              join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
             where {OURS}) as c"""
SQL = f"""
    select coalesce(json_agg(p.oid::regprocedure::text), '[]')
      from pg_proc as p
      join pg_language as l on l.oid = p.prolang and l.lanname = 'sql'
      left join pg_stat_user_functions as s on s.funcid = p.oid
     where {OURS} and coalesce(s.calls, 0) = 0"""
OPTIONS = "-c plpgsql_check.profiler=on -c track_functions=all"


def main() -> None:
    with throwaway_cluster() as cluster:
        if "plpgsql_check" not in cluster.settings.get("shared_preload_libraries", ""):
            raise CommandError("plpgsql_check is not installed: `make setup` does it")
        deploy(cluster, TEMPLATE)
        database = database_for_pgtap(cluster)
        cluster.sql("select plpgsql_profiler_reset_all()", database)
        result = pg_prove(cluster, database, environment={"PGOPTIONS": OPTIONS})
        if result.returncode != 0:
            raise CommandError(f"the suite fails: `make test ONLY=sql`\n{result.stdout[-2000:]}")
        functions = json.loads(cluster.sql(PLPGSQL, database))
        uncalled = json.loads(cluster.sql(SQL, database))
    report(functions, uncalled)


def report(functions: list[dict[str, Any]], uncalled: list[str]) -> None:
    say(f"{'statements':>10} {'branches':>8}  function")
    for function in functions:
        if function["statements"] < 100 or function["branches"] < 100:
            lines = ", ".join(str(line) for line in function["lines"])
            say(
                f"{function['statements']:>8} % {function['branches']:>6} %  {function['name']}"
                + (f": not reached: {lines}" if lines else "")
            )
    for name in uncalled:
        say(f"   never called  {name}")
    statements, branches = (
        min(function[what] for function in functions) for what in ("statements", "branches")
    )
    say(
        f"coverage: {len(functions)} functions in PL/pgSQL: statements at least {statements} %,"
        f" branches at least {branches} %"
    )
    low = [
        function["name"]
        for function in functions
        if function["statements"] < STATEMENTS_PERCENT or function["branches"] < BRANCHES_PERCENT
    ]
    if low or uncalled:
        raise CommandError(
            f"{len(low)} functions below {STATEMENTS_PERCENT} % of statements or"
            f" {BRANCHES_PERCENT} % of branches, {len(uncalled)} in SQL never called"
        )


if __name__ == "__main__":
    command_line("coverage", main)
