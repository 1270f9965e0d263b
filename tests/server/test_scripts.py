"""`make test` and `make spec`."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from scripts import spec, test
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError
from tests.support import fixtures

DOCTORS = "db/tests/identity/doctors.sql"


@pytest.mark.parametrize(
    "name",
    [
        DOCTORS,
        f"./{DOCTORS}",
        f"{CHECKOUT}/{DOCTORS}",
        "identity/doctors.sql",
        "doctors.sql",
        "doctors",
    ],
)
def test_pgtap_file_is_found_by_its_path_or_the_end_of_it(name: str) -> None:
    assert test.chosen_sql_tests([name]) == [DOCTORS]


@pytest.mark.parametrize("name", ["db/tests/payments", "db/tests/payments/", "payments"])
def test_folder_selects_all_pgtap_files_in_it(name: str) -> None:
    folder = {str(p.relative_to(CHECKOUT)) for p in (CHECKOUT / "db/tests/payments").iterdir()}
    assert len(folder) > 1
    assert set(test.chosen_sql_tests([name])) >= folder


def test_names_and_options_are_kept_once_and_in_order() -> None:
    found = test.chosen_sql_tests(["-v", "uuid_v7", "doctors.sql", "identity/doctors"])
    assert found == ["-v", "db/tests/foundation/uuid_v7.sql", DOCTORS]


def test_no_name_selects_the_whole_suite() -> None:
    assert test.chosen_sql_tests([]) == []


def test_sql_tests_that_touch_tables_run_one_at_a_time() -> None:
    touches = re.compile(
        r"\b(?:from|into|update|truncate|table|grant \w+ on) app\.\w+\b(?!\()"
        r"|plpgsql_check_function|create_partition\(|_invariants\(|require_second_factor\("
    )
    includes = re.compile(r"^\\ir \.\./helpers/(?:actors|one_at_a_time)\.psql$", re.MULTILINE)
    texts = {path: path.read_text() for path in (CHECKOUT / "db/tests").rglob("*.sql")}
    beside_others = [path for path, text in texts.items() if not includes.search(text)]
    assert beside_others
    assert [path for path in beside_others if touches.search(texts[path])] == []


@pytest.mark.parametrize("name", ["octors.sql", "doctors.py", "identity.sql", "nowhere", "/", ""])
def test_unknown_pgtap_file_is_an_error_before_anything_runs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY", "sql")
    monkeypatch.setenv("ARGS", f"doctors.sql '{name}'")
    monkeypatch.delattr(test, "throwaway_cluster")
    with pytest.raises(CommandError) as error:
        test.main()
    assert str(error.value).startswith(f"no test below db/tests is called {name!r}")
    assert "\n" not in str(error.value)


def test_misspelt_pgtap_file_gets_similar_names() -> None:
    with pytest.raises(CommandError, match=f"similar: {DOCTORS}"):
        test.chosen_sql_tests(["doctor.sql"])


def test_pgtap_file_without_only_sql_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY", "")
    monkeypatch.setenv("ARGS", DOCTORS)
    monkeypatch.delattr(test, "throwaway_cluster")
    with pytest.raises(CommandError, match="add ONLY=sql"):
        test.main()


def test_pg_prove_runs_the_chosen_files_and_nothing_else(
    cluster: Cluster, new_database: Callable[[], str]
) -> None:
    database = test.database_for_pgtap(cluster, new_database() + "_pgtap")
    result = test.pg_prove(cluster, database, *test.chosen_sql_tests(["doctors", "uuid_v7"]))
    assert result.returncode == 0
    assert "Files=2, " in result.stdout


PG_PROVE_OUTPUT = """\
psql:db/tests/a/good.sql:80: WARNING:  The slot is not open
DETAIL:  Of a test that passes
db/tests/a/good.sql ....... ok
psql:db/tests/a/bad.sql:7: WARNING:  The slot has begun
DETAIL:  Of a test that fails
psql:db/tests/a/good2.sql:1: NOTICE:  nothing to do
# Failed test 1: "a sentence"
#         have: 1
psql:db/tests/a/bad.sql:8: ERROR:  no such table
LINE 1: select
db/tests/a/bad.sql ........
Failed 1/2 subtests
db/tests/a/good2.sql ...... ok

Test Summary Report
-------------------
db/tests/a/bad.sql      (Wstat: 0 Tests: 2 Failed: 1)
  Failed test:  1
Files=3, Tests=9,  1 wallclock secs
Result: FAIL
"""
COMPLAINTS = """\
psql:db/tests/a/bad.sql:7: WARNING:  The slot has begun
DETAIL:  Of a test that fails
# Failed test 1: "a sentence"
#         have: 1
psql:db/tests/a/bad.sql:8: ERROR:  no such table
LINE 1: select
db/tests/a/bad.sql ........
Failed 1/2 subtests

Test Summary Report
-------------------
db/tests/a/bad.sql      (Wstat: 0 Tests: 2 Failed: 1)
  Failed test:  1
Files=3, Tests=9,  1 wallclock secs
Result: FAIL"""


def test_output_of_a_failure_hides_warnings_of_passing_tests() -> None:
    assert test.complaints(PG_PROVE_OUTPUT) == COMPLAINTS


def test_spec_begins_with_the_domains_of_the_clinic() -> None:
    domains = spec.order_of_domains()
    assert domains[:5] == [
        "consultations",
        "scheduling",
        "prescriptions",
        "payments",
        "identity",
    ]
    assert domains[-1] == "foundation"


def test_spec_contents_list_every_test_file() -> None:
    files = list((CHECKOUT / "db/tests").rglob("*.sql"))
    assert sum(len(spec.tests_of(domain)) for domain in spec.order_of_domains()) == len(files)
    contents = spec.contents().partition("- [")[2].split("\n- [")
    sections = {section.partition("]")[0]: section.splitlines() for section in contents}
    for path in files:
        domain = path.relative_to(CHECKOUT / "db/tests").parts[0]
        assert f"  - {spec.heading(path)}" in sections[domain]


@pytest.mark.parametrize(
    ("arguments", "keyword", "capture"),
    [
        (["tests/resources/test_slots.py"], "", "fd"),
        (["tests/resources/test_slots.py::test_an_offset_is_understood"], "", "fd"),
        (["drills/mutants"], "", "fd"),
        (["tests"], "booking", "fd"),
        (["tests/security"], "", "no"),
    ],
)
def test_selected_tests_run_in_one_process(
    arguments: list[str], keyword: str, capture: str
) -> None:
    option = SimpleNamespace(keyword=keyword, capture=capture)
    config: Any = SimpleNamespace(args=arguments, option=option)
    assert fixtures.pytest_xdist_auto_num_workers(config) == 0


@pytest.mark.parametrize(
    "arguments", [["tests"], ["tests/security", "tests/resources/test_slots.py"]]
)
@pytest.mark.parametrize("processors", [1, 2, 64])
def test_whole_suite_runs_in_one_process_more_than_there_are_cpus(
    arguments: list[str], processors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(processors))
    option = SimpleNamespace(keyword="", capture="fd")
    config: Any = SimpleNamespace(args=arguments, option=option)
    modules = sum(len(list((CHECKOUT / a).rglob("test_*.py"))) or 1 for a in arguments)
    found = fixtures.pytest_xdist_auto_num_workers(config)
    assert found == min(processors + 1, modules)


def test_modules_of_the_long_list_exist() -> None:
    assert [name for name in fixtures.LONG if not (CHECKOUT / name).is_file()] == []
