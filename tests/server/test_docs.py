"""The generated documents match the catalog, and psql and `make spec` show the same texts."""

from __future__ import annotations

import re
import subprocess

import psycopg
import pytest

from api import config
from scripts.cluster import TEMPLATE
from scripts.docs import FOLDER, SETTINGS, reference, settings_page
from scripts.server import Cluster
from scripts.spec import order_of_domains, promises
from scripts.system import CHECKOUT
from scripts.test import database_for_pgtap
from tests.support.server import environment

# PostgreSQL prints some expressions differently in other versions.
MADE_WITH = "15"


@pytest.fixture(scope="module")
def made(cluster: Cluster) -> dict[str, str]:
    return reference(cluster.url(TEMPLATE))


def test_sql_reference_matches_the_catalog(cluster: Cluster, made: dict[str, str]) -> None:
    if cluster.version != MADE_WITH:
        pytest.skip(f"made with PostgreSQL {MADE_WITH}")
    stale = [
        name
        for name, text in made.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    assert not stale, f"stale files, which `make docs` generates again: {stale}"
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    assert SETTINGS.read_text() == settings_page(), "`make docs` updates docs/settings.md"


def test_defaults_of_settings_page_are_in_force() -> None:
    sections = settings_page().split("\n### ")[1:]
    shown = [re.search(r"\A(\w+)\n.*^Default: `(.*)`$", s, re.M | re.S) for s in sections]
    defaults = {found[1]: found[2] for found in shown if found}
    assert len(defaults) > 15
    for name, value in defaults.items():
        needed = environment("postgresql://nowhere", **{name: ""})
        del needed[name]
        assert config.load(needed) == config.load(needed | {name: value}), name


def test_sql_reference_has_every_function_and_table(cluster: Cluster, made: dict[str, str]) -> None:
    with psycopg.connect(cluster.url(TEMPLATE)) as connection:
        functions = connection.execute(
            "select format('%s.%s', pronamespace::regnamespace, proname) from pg_proc"
            " where pronamespace::regnamespace::text in ('api', 'ops', 'app', 'work')"
        ).fetchall()
        tables = connection.execute(
            "select oid::regclass::text from pg_class where relkind in ('r', 'p')"
            " and relnamespace = 'app'::regnamespace and not relispartition"
        ).fetchall()
    headings = {h for text in made.values() for h in re.findall(r"^## (\S+)$", text, re.M)}
    assert headings == {name for (name,) in [*functions, *tables]}
    assert "api.book_consultation(\n    p_slot_id uuid," in made["api.md"]
    assert "executed by telemed_api, telemed_dba" in made["api.md"]
    assert "consultations_one_per_slot" in made["tables.md"]


def test_diagram_has_every_table_and_every_foreign_key(
    cluster: Cluster, made: dict[str, str]
) -> None:
    diagram = made["README.md"].partition("```mermaid\nerDiagram\n")[2].partition("```")[0]
    entity, column, relation = (
        r"    (\w+) \{",
        r"        \w+ \w+ (?:PK|FK|PK, FK)",
        r'    (\w+) (?:\|\||\|o)--o[|{] (\w+) : "([\w, ]+)"',
    )
    for line in diagram.splitlines():
        assert re.fullmatch(rf"{entity}|{column}|{relation}|    \}}", line), line
    with psycopg.connect(cluster.url(TEMPLATE)) as connection:
        keys = connection.execute(
            "select p.relname, c.relname, array_to_string(array(select a.attname"
            " from unnest(k.conkey) with ordinality as n (number, place) join pg_attribute as a"
            " on a.attrelid = k.conrelid and a.attnum = n.number order by n.place), ', ')"
            " from pg_constraint as k join pg_class as c on c.oid = k.conrelid"
            " join pg_class as p on p.oid = k.confrelid"
            " where k.contype = 'f' and c.relnamespace = 'app'::regnamespace"
            " and not c.relispartition"
        ).fetchall()
    assert set(re.findall(f"^{relation}$", diagram, re.M)) == set(keys)
    tables = set(re.findall(r"^## app\.(\w+)$", made["tables.md"], re.M))
    assert set(re.findall(f"^{entity}$", diagram, re.M)) == tables


def test_spec_lists_the_descriptions_of_the_suite(cluster: Cluster) -> None:
    assert order_of_domains()[0] == "consultations"
    database = database_for_pgtap(cluster, "telemed_spec")
    path = CHECKOUT / "db/tests/consultations/book_consultation.sql"
    found = promises(cluster, database, path)
    assert (True, "a patient books an open slot") in found
    assert all(kept for kept, _ in found)


def test_psql_shows_the_comment_of_a_function(cluster: Cluster) -> None:
    result = subprocess.run(
        ("psql", "-X", "-c", r"\df+ api.book_consultation"),
        env=cluster.environment(TEMPLATE),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Books an open slot for the calling patient" in result.stdout
