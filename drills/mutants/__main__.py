"""Break the schema in every known way and check that a test fails. COUNT=300 SEED=1 VERDICTS=

COUNT is how many of the generated mutants are tried, SEED chooses them. KIND="by hand", "rules" or
"generated" tries one kind, MATCH= those whose name or object matches a regular expression, and
DOMAIN="events jobs" those whose object a change of these domains creates. KIND and MATCH write no
report, and neither does SUITE=own, which runs only the tests that name the broken object.
VERDICTS=file keeps the verdicts: the next run with the file does not try again what was
noticed, and reports on it as well.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from drills import report
from drills.mutants.by_hand import by_hand
from drills.mutants.catalog import BY_HAND, GENERATED, Mutant, rules
from drills.mutants.generated import generated
from drills.mutants.report import Result
from drills.mutants.suite import TEMPLATE, Verdict, domain_of, judge
from scripts.cluster import deployed_cluster
from scripts.server import Cluster
from scripts.system import CommandError, command_line, say
from scripts.test import database_for_pgtap

BAR_PERCENT = 95
SEED = "1"  # of docs/reports/mutants.md; survivors of other seeds may lack an explanation
AT_ONCE = 2
Jury: TypeAlias = Callable[[Mutant], Verdict]


def main() -> None:
    count = int(os.environ.get("COUNT") or 300)
    seed = os.environ.get("SEED") or SEED
    kind, match, domain = (os.environ.get(name, "") for name in ("KIND", "MATCH", "DOMAIN"))
    whole_suite = os.environ.get("SUITE") != "own"
    kept = Verdicts(os.environ.get("VERDICTS", ""))
    say(f"mutants: SEED={seed} COUNT={count}")
    began = time.monotonic()
    with deployed_cluster() as cluster:
        prepare(cluster)
        possible = [*by_hand(cluster, TEMPLATE), *rules(cluster, TEMPLATE)]
        drawn = generated(cluster, TEMPLATE)
        random.Random(seed).shuffle(drawn)
        everything = [*possible, *drawn]
        possible = chosen(everything, kind, match, domain.split())
        verdicts = [kept.noticed[m] for m in possible if m in kept.noticed]
        rest = [mutant for mutant in possible if mutant not in kept.noticed]
        mutants = [mutant for mutant in rest if mutant.kind != GENERATED]
        jury = partial(judge, cluster, whole_suite=whole_suite)
        verdicts += judge_all(jury, mutants, kept)
        verdicts += judge_until(jury, [m for m in rest if m.kind == GENERATED], count, kept)
    result = Result(seed, everything, time.monotonic() - began, cluster.version, verdicts)
    if whole_suite and not (kind or match):
        report.write("mutants", result.text())
    result.summary()
    refused = [v.mutant.name for v in verdicts if v.mutant.kind == BY_HAND and v.killed_by is None]
    if refused:
        raise CommandError(f"PostgreSQL refuses mutants by hand: {', '.join(refused)}")
    if result.unexplained:
        raise CommandError(f"{len(result.unexplained)} survivors are not explained")
    if result.killed_percent(GENERATED) < BAR_PERCENT:
        raise CommandError(f"fewer than {BAR_PERCENT} % of the generated ones were noticed")


class Verdicts:
    """The verdicts of a file, and of this run, which are added to it. noticed: those of tests.

    Other mutants are tried again: there may be a test by now.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path) if path else None
        self.noticed: dict[Mutant, Verdict] = {}
        if self._path and self._path.exists():
            for line in self._path.read_text().splitlines():
                mutant, killed_by = json.loads(line)
                if killed_by:
                    self.noticed[Mutant(*mutant)] = Verdict(Mutant(*mutant), killed_by)

    def add(self, verdict: Verdict) -> None:
        if self._path:
            with self._path.open("a") as file:
                file.write(json.dumps([verdict.mutant, verdict.killed_by]) + "\n")


def prepare(cluster: Cluster) -> None:
    """Create the database from which every mutant is cloned."""
    database_for_pgtap(cluster, TEMPLATE)


def chosen(mutants: Iterable[Mutant], kind: str, match: str, domains: list[str]) -> list[Mutant]:
    """The mutants of a kind, whose name, or whose object as a whole, matches, and of domains."""
    return [
        m
        for m in mutants
        if (not kind or m.kind == kind)
        and (re.search(match, m.name) or re.fullmatch(match, m.subject))
        and (not domains or domain_of(m.subject) in domains)
    ]


def judge_until(jury: Jury, candidates: list[Mutant], count: int, kept: Verdicts) -> list[Verdict]:
    """Verdicts on `count` mutants that PostgreSQL accepts."""
    verdicts: list[Verdict] = []
    rest = iter(candidates)
    while sum(v.killed_by is not None for v in verdicts) < count:
        if not (batch := list(islice(rest, 2 * AT_ONCE))):
            break
        verdicts += judge_all(jury, batch, kept)
    return verdicts


def judge_all(jury: Jury, mutants: list[Mutant], kept: Verdicts) -> list[Verdict]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = []
        for done in as_completed([pool.submit(jury, mutant) for mutant in mutants]):
            verdict = done.result()
            if verdict.killed_by == "":
                say(f"mutants: survived: {verdict.mutant.kind}: {verdict.mutant.name}")
            verdicts.append(verdict)
            kept.add(verdict)
        return verdicts


if __name__ == "__main__":
    command_line("mutants", main)
