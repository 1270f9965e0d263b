"""Break the schema in every known way and check that a test fails. COUNT=300 SEED=1 KIND= MATCH=

COUNT is how many of the generated mutants are tried, SEED chooses them. KIND="by hand", "rules" or
"generated" tries one kind, MATCH= those whose name or object matches a regular expression. Either
writes no report.
"""

from __future__ import annotations

import os
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

from drills import report
from drills.mutants.by_hand import by_hand
from drills.mutants.catalog import BY_HAND, GENERATED, Mutant, rules
from drills.mutants.generated import generated
from drills.mutants.report import Result
from drills.mutants.suite import TEMPLATE, Verdict, judge
from scripts.cluster import deployed_cluster
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say
from scripts.test import database_for_pgtap

BAR_PERCENT = 95
SEED = "1"  # of docs/reports/mutants.md; survivors of other seeds may lack an explanation
AT_ONCE = 2


def main() -> None:
    count = int(os.environ.get("COUNT") or 300)
    seed = os.environ.get("SEED") or SEED
    say(f"mutants: SEED={seed} COUNT={count}")
    began = time.monotonic()
    with deployed_cluster() as cluster:
        prepare(cluster)
        mutants = [*by_hand(cluster, TEMPLATE), *rules(cluster, TEMPLATE)]
        candidates = generated(cluster, TEMPLATE)
        random.Random(seed).shuffle(candidates)
        kind, match = os.environ.get("KIND", ""), os.environ.get("MATCH", "")
        if kind:
            mutants = [mutant for mutant in mutants if mutant.kind == kind]
        if match:
            mutants, candidates = matching(match, mutants), matching(match, candidates)
        verdicts = judge_all(cluster, mutants)
        if kind in ("", GENERATED):
            verdicts += judge_until(cluster, candidates, count)
    result = Result(seed, len(candidates), time.monotonic() - began, cluster.version, verdicts)
    if not (kind or match):
        report.write("mutants", result.text())
    result.summary()
    refused = [v.mutant.name for v in verdicts if v.mutant.kind == BY_HAND and v.killed_by is None]
    if refused:
        raise CommandError(f"PostgreSQL refuses mutants by hand: {', '.join(refused)}")
    if result.unexplained:
        raise CommandError(f"{len(result.unexplained)} survivors are not explained")
    if result.killed_percent(GENERATED) < BAR_PERCENT:
        raise CommandError(f"fewer than {BAR_PERCENT} % of the generated ones were noticed")


def prepare(cluster: Cluster) -> None:
    """Create the database from which every mutant is cloned."""
    database_for_pgtap(cluster, TEMPLATE)


def matching(pattern: str, mutants: list[Mutant]) -> list[Mutant]:
    """The mutants whose name, or whose object as a whole, matches a regular expression."""
    return [
        mutant
        for mutant in mutants
        if re.search(pattern, mutant.name) or re.fullmatch(pattern, mutant.subject)
    ]


def judge_until(cluster: Cluster, candidates: list[Mutant], count: int) -> list[Verdict]:
    """Verdicts on `count` mutants that PostgreSQL accepts."""
    verdicts: list[Verdict] = []
    rest = iter(candidates)
    while sum(v.killed_by is not None for v in verdicts) < count:
        batch = [mutant for mutant, _ in zip(rest, range(2 * AT_ONCE), strict=False)]
        if not batch:
            break
        verdicts += judge_all(cluster, batch)
    return verdicts


def judge_all(cluster: Cluster, mutants: list[Mutant]) -> list[Verdict]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = []
        for done in as_completed([pool.submit(judge, cluster, mutant) for mutant in mutants]):
            verdict = done.result()
            if verdict.killed_by == "":
                say(f"mutants: survived: {verdict.mutant.kind}: {verdict.mutant.name}")
            verdicts.append(verdict)
        return verdicts


if __name__ == "__main__":
    command_line("mutants", main)
