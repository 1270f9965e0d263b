"""The SQL reference is that of the schema, and what documents tell to type can be typed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import psycopg
import pytest

from scripts.cluster import TEMPLATE
from scripts.docs import FOLDER, reference
from scripts.server import Cluster
from scripts.spec import order_of_domains, promises
from scripts.system import CHECKOUT
from scripts.test import database_for_pgtap

# How PostgreSQL prints an expression differs a little from version to version.
MADE_WITH = "15"


DOCUMENTS = sorted(
    path
    for path in [*CHECKOUT.glob("*.md"), *CHECKOUT.glob("docs/**/*.md"), CHECKOUT / "db/README.md"]
    if FOLDER not in path.parents
)
FOR_ADMINISTRATORS = ("operations.md", "at-night.md", "audit.md", "partitioning.md")
# psql's own commands, and statements of more than a query, are tried by tests of their own.
QUERIES = re.compile(r"`(select [^`]+)`|```sql\n(.*?)```", re.S)
# What stands for an id, and a table that step 1 of docs/partitioning.md makes.
NOT_HERE = ("22P02", "42P01 consultation_holds")


@pytest.fixture(scope="module")
def made(cluster: Cluster) -> dict[str, str]:
    return reference(cluster.url(TEMPLATE))


def test_the_reference_is_up_to_date(cluster: Cluster, made: dict[str, str]) -> None:
    if cluster.version != MADE_WITH:
        pytest.skip(f"made with PostgreSQL {MADE_WITH}")
    stale = [
        name
        for name, text in made.items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    assert not stale, f"`make docs` makes anew what is stale: {stale}"
    assert {path.name for path in FOLDER.iterdir()} == set(made)


def test_every_function_and_table_is_there(cluster: Cluster, made: dict[str, str]) -> None:
    with psycopg.connect(cluster.url(TEMPLATE)) as connection:
        functions = connection.execute(
            "select format('%s.%s', pronamespace::regnamespace, proname) from pg_proc"
            " where pronamespace::regnamespace::text in ('api', 'ops', 'app')"
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


def test_every_link_leads_somewhere(made: dict[str, str]) -> None:
    for name, text in made.items():
        headings = {
            re.sub(r"[^\w-]", "", heading).lower()
            for heading in re.findall(r"^#+ (.*)$", text, re.M)
        }
        for target in re.findall(r"\]\(([^)]+)\)", text):
            path, _, anchor = target.partition("#")
            assert not path or (FOLDER / path).exists(), (name, target)
            assert not anchor or anchor in headings, (name, target)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_every_link_between_documents_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        file, _, anchor = target.partition("#")
        if ":" in file:
            continue  # elsewhere
        found = path.parent / file if file else path
        assert found.exists(), target
        if anchor and found.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", found.read_text(), re.M)
            anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
            assert anchor in anchors, target


def test_every_file_and_target_that_contributing_names_is_there() -> None:
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    # drills/walk writes the files of the blocks and runs their commands.
    text = re.sub(r"^```.*?^```$", "", page, flags=re.M | re.S)
    commands = re.findall(r"`((?:\w+=\S+ )*make [^`]+)`", text)
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in re.findall(r"\bmake (\w[\w-]*)", " ".join(commands)):
        assert re.search(f"^{target}:", makefile, re.M), f"make {target}"

    paths = {
        word.rpartition("=")[2].strip('"')
        for quoted in re.findall(r"`([^`]+)`", text)
        for word in quoted.split()
        if re.match(r"(?:\w+=)?\"?(?:api|db|docs|scripts|tests)/", word)
    }
    walk = text.partition("## Another walk")[2].partition("\n## ")[0]
    assert len(paths) > 15
    assert len(re.findall(r"^\d\. ", walk, re.M)) == len(re.findall(r"Check: `make ", walk))
    missing = [
        path
        for path in sorted(paths)
        if not (CHECKOUT / path).exists() and "note_consultation" not in path
    ]
    assert missing == []


@pytest.mark.parametrize("name", FOR_ADMINISTRATORS)
def test_administrators_can_type_what_they_are_told(cluster: Cluster, name: str) -> None:
    """As PostgreSQL plans it: nothing is run."""
    text = (CHECKOUT / "docs" / name).read_text()
    queries = [
        re.sub(r"--[^\n]*", "", statement).strip()
        for inline, block in QUERIES.findall(text)
        for statement in (inline or block).split(";")
    ]
    tried = 0
    with psycopg.connect(cluster.url(TEMPLATE), autocommit=True) as connection:
        for query in queries:
            if not query.startswith("select"):
                continue
            tried += 1
            try:
                connection.execute(f"explain {query}".encode())
            except psycopg.Error as error:
                said = f"{error.sqlstate} {error}"
                known = any(all(part in said for part in n.split()) for n in NOT_HERE)
                assert known, f"{query}: {said}"
    assert tried > 0


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


def test_the_suite_reads_as_a_specification(cluster: Cluster) -> None:
    assert order_of_domains()[0] == "consultations"
    database = database_for_pgtap(cluster, "telemed_spec")
    path = CHECKOUT / "db/tests/consultations/book_consultation.sql"
    found = promises(cluster, database, path)
    assert (True, "a patient books an open slot") in found
    assert all(kept for kept, _ in found)


def test_psql_reads_as_well(cluster: Cluster) -> None:
    result = subprocess.run(
        ("psql", "-X", "-c", r"\df+ api.book_consultation"),
        env=cluster.environment(TEMPLATE),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Books an open slot for the calling patient" in result.stdout
