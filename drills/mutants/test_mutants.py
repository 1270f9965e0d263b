"""The short form of the drill: a few mutants, each noticed by a test that names its object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drills.mutants.__main__ import Verdicts, chosen, judge_until, prepare
from drills.mutants.by_hand import by_hand
from drills.mutants.catalog import BY_HAND, GENERATED, Mutant, rules
from drills.mutants.generated import changes, generated
from drills.mutants.suite import TEMPLATE, Verdict, judge
from scripts.cluster import deployed_cluster
from scripts.server import Cluster

SAMPLE = (
    "a slot that begins now can be booked",
    "the fingerprint is not compared",
    "idempotency keys are not per user",
    "completed may become cancelled",
    "PUBLIC may execute book_consultation",
    "an unpinned search_path",
    "the hash of a row leaves out the user",
    "without consultations_one_per_slot",
    "without availability_slots_of_a_doctor_never_overlap",
    "Update of consultations is not audited",
    "a read of the list of payments is not in the access log",
)


@pytest.fixture(scope="module")
def mutated() -> Iterator[Cluster]:
    """A cluster of its own, because other tests make roles and rights that would fail the suite."""
    with deployed_cluster() as cluster:
        prepare(cluster)
        yield cluster


def test_tests_notice_mutants(mutated: Cluster) -> None:
    mutants = {m.name: m for m in [*by_hand(mutated, TEMPLATE), *rules(mutated, TEMPLATE)]}
    assert len([m for m in mutants.values() if m.kind == BY_HAND]) >= 60
    for name in SAMPLE:
        verdict = judge(mutated, mutants[name], whole_suite=False)
        assert verdict.killed_by, name


def test_tests_do_not_notice_an_equivalent_mutant(mutated: Cluster) -> None:
    """The tests fail only for a fault, not for every mutant."""
    comment = "comment on schema app is 'Unbroken.'"
    mutant = Mutant(BY_HAND, "nothing", "uuid_v7", comment)
    assert judge(mutated, mutant, whole_suite=False).killed_by == ""
    assert judge(mutated, mutant._replace(sql="no such statement")).killed_by is None


def test_every_function_has_generated_mutants(mutated: Cluster) -> None:
    found = generated(mutated, TEMPLATE)
    assert len(found) > 1000
    assert len({mutant.subject for mutant in found}) > 120


def test_generated_mutants_share_a_database_that_is_whole_again(mutated: Cluster) -> None:
    found = [m for m in generated(mutated, TEMPLATE) if m.subject == "webhook_message_id"]
    broken = next(m for m in found if "becomes `is not null`" in m.name)
    assert judge(mutated, broken, whole_suite=False).killed_by
    assert judge(mutated, broken._replace(sql=broken.undo), whole_suite=False).killed_by == ""


def test_every_mutant_is_tried_and_a_kept_verdict_is_not_asked_for_again(tmp_path: Path) -> None:
    file = str(tmp_path / "verdicts")
    mutants = [Mutant(GENERATED, str(n), "f", "select") for n in range(11)]

    def jury(mutant: Mutant) -> Verdict:
        return Verdict(mutant, {"0": "", "1": None}.get(mutant.name, "a test"))

    tried = judge_until(jury, mutants, 100, Verdicts(file))
    assert sorted(v.mutant for v in tried) == sorted(mutants)
    assert set(Verdicts(file).noticed) == set(mutants[2:]), "survivors are tried again"
    assert len(judge_until(jury, mutants, 3, Verdicts(""))) in (4, 5), "count bounds them"


def test_mutants_are_chosen_by_kind_name_object_and_domain() -> None:
    mutants = [Mutant(GENERATED, "a", "settle_job", ""), Mutant(BY_HAND, "b", "messages", "")]
    assert chosen(mutants, "", "", []) == mutants
    assert chosen(mutants, BY_HAND, "", []) == mutants[1:]
    assert chosen(mutants, "", "a", []) == mutants[:1]
    assert chosen(mutants, "", "messages", []) == mutants[1:]
    assert chosen(mutants, "", "", ["jobs", "video"]) == mutants[:1]


def test_changes_of_a_function_body_cover_each_kind() -> None:
    body = """
begin
    -- a < b
    if p_a < 3 and p_b is null then
        raise exception 'a < b' using errcode = 'TM201';
    end if;
    perform app.lock();
    return coalesce(p_a, (p_b), 7);
end;
"""
    found = {change: text for _, change, text in changes(body)}
    assert "if p_a <= 3 and" in found["`<` becomes `<=`"]
    assert "p_a < 3 or p_b" in found["`and` becomes `or`"]
    assert "p_b is not null" in found["`is null` becomes `is not null`"]
    assert "if p_a < 4" in found["`3` becomes `4`"]
    assert "if false then" in found["`if p_a < 3 and p_b is null` is false"]
    assert "null;" in found["no `perform app.lock();`"]
    assert "return (p_a);" in found["no coalesce"]
    assert all("-- a < b" in text and "'a < b'" in text for text in found.values())
