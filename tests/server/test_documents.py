"""The documents: their commands work, their links resolve, and what they name exists.

A fenced block `sh`, `sql` or `python` runs, in the order of the page: `sh` and `python` against a
server with the demo data, `sql` in psql as a DBA. Variables last until the end of the page. The
blocks `ts` of a page run together, as one program. A block `output` after a block has lines that
must appear in this order; `...` stands for any text. A comment `<!-- not run: reason -->` before a
block exempts it.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scripts.cluster import TEMPLATE
from scripts.server import Cluster
from scripts.system import CHECKOUT, CommandError
from scripts.test import files_named
from tests.support.client import PASSWORD, request
from tests.support.demo import demo_server
from tests.support.node import node, typescript
from tests.support.server import Server

GENERATED = ("docs/sql/", "docs/reports/")
DOCUMENTS = [
    name
    for name in subprocess.run(
        ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"),
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    if (CHECKOUT / name).exists()
]
OURS = [name for name in DOCUMENTS if not name.startswith(GENERATED)]
# The walk of CONTRIBUTING.md adds this function in a copy of the checkout, and runs there.
WALK, WALK_FUNCTION = "CONTRIBUTING.md", "note_consultation"
# Names in the history may no longer exist.
HISTORY = ("CHANGELOG.md",)
FENCE = re.compile(r"(?:<!-- not run: ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.M | re.S)
INLINE = re.compile(r"`(select [^`]+)`")
LANGUAGES = ("sh", "sql", "python", "ts")
ROOTS = ("api", "console", "db", "docs", "drills", "scripts", "tests")
DBA = "telemed_dba_of_documents"
OBJECTS = """
    select format('%s.%s', n.nspname, o.name)
      from (select pronamespace, proname from pg_proc
            union select relnamespace, relname from pg_class
            union select typnamespace, typname from pg_type) as o (namespace, name)
      join pg_namespace as n on n.oid = o.namespace and n.nspname in ('api', 'app', 'ops')"""
# A placeholder for an id, and a table that step 1 of docs/partitioning.md creates.
EXPECTED_ERRORS = ("22P02", "42P01 consultation_holds")


@dataclass
class Block:
    """A command of a document and lines of its output."""

    language: str
    text: str
    not_run: str = ""
    output: str = ""


def text_of(name: str) -> str:
    return (CHECKOUT / name).read_text()


def blocks(text: str) -> list[Block]:
    found: list[Block] = []
    for not_run, language, content in FENCE.findall(text):
        if language in LANGUAGES:
            found.append(Block(language, content, not_run))
        elif language == "output":
            found[-1].output += content
    return found


COMMANDS = [n for n in OURS if n != WALK and any(not b.not_run for b in blocks(text_of(n)))]


@dataclass
class Terminal:
    """The terminal of a reader: a shell, and psql, with a server that has the demo data."""

    server: Server
    cluster: Cluster
    database: str
    state: Path
    names: dict[str, Any] = field(default_factory=dict)  # of Python

    def run(self, block: Block) -> str:
        by_language = {"sh": self.shell, "sql": self.psql, "python": self.python}
        return by_language[block.language](block.text)

    def addressed(self, script: str) -> str:
        return script.replace("http://localhost:8000", self.server.url)

    def shell(self, script: str) -> str:
        script = self.addressed(script)
        kept = f'touch "{self.state}"; . "{self.state}"; set -a -e -u -o pipefail'
        keep = f'declare -f > "{self.state}"; declare -p -x >> "{self.state}"'
        result = subprocess.run(
            ("bash", "-c", f"{kept}\n{script}\n{keep}"),
            cwd=CHECKOUT,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
        return result.stdout.replace("\r", "")

    def psql(self, script: str) -> str:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            result = subprocess.run(
                ("psql", "-X", "-f", file.name),
                env=self.cluster.environment(self.database, DBA),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
            )
        return re.sub(r"^psql:\S+ ", "", result.stdout, flags=re.M)

    def python(self, script: str) -> str:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(
                compile(self.addressed(script), "a document", "exec", dont_inherit=True), self.names
            )
        return printed.getvalue()

    def typescript(self, script: str) -> str:
        path = self.state.with_suffix(".mts")
        path.write_text(self.addressed(script))
        result = subprocess.run(
            (str(node()), str(path)), capture_output=True, text=True, timeout=120
        )
        assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
        return result.stdout


@pytest.fixture(scope="module")
def demo(
    cluster: Cluster, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, str]]:
    """A server with the demo data of `make run`, and its database."""
    database = new_database()
    cluster.sql(f"create role {DBA} login in role telemed_dba")
    log = tmp_path_factory.mktemp("documents") / "log"
    with demo_server(cluster, database, log) as server:
        # docs/operations.md makes a patient an admin, who must have no consultation.
        account = {"email": "new.colleague@example.com", "password": PASSWORD, "full_name": "New"}
        assert request("POST", server.url + "/v1/auth/signup", json=account).status_code == 201
        yield server, database
    cluster.sql(f"drop role {DBA}")


@pytest.fixture
def terminal(demo: tuple[Server, str], cluster: Cluster, tmp_path: Path) -> Terminal:
    server, database = demo
    return Terminal(server, cluster, database, tmp_path / "state")


def require_output(block: Block, printed: str) -> None:
    """Assert that each expected line is printed, in order, and an error only if it is expected."""
    place = 0
    for line in block.output.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        pattern = re.sub(r"(?:\\ )+", r"\\s+", pattern)
        found = re.compile(rf"^\s*{pattern}\s*$", re.M).search(printed, place)
        assert found, f"{line!r} is missing after:\n{block.text}\n{printed}"
        place = found.end()
    if block.language == "sql":
        assert ("ERROR: " in printed) == ("ERROR: " in block.output), f"{block.text}\n{printed}"


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_of_document_work(name: str, terminal: Terminal) -> None:
    if "curl " in text_of(name) and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    for block in blocks(text_of(name)):
        if not block.not_run and block.language != "ts":
            require_output(block, terminal.run(block))


def program_of(name: str) -> Block:
    """The program in TypeScript that the blocks of a page make."""
    parts = [b for b in blocks(text_of(name)) if b.language == "ts" and not b.not_run]
    return Block("ts", "".join(b.text for b in parts), output="".join(b.output for b in parts))


PROGRAMS = [name for name in COMMANDS if program_of(name).text]
TYPE_CHECK = (
    *("--noEmit", "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes"),
    *("--erasableSyntaxOnly", "--module", "nodenext", "--target", "es2022", "--lib", "es2023,dom"),
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_typescript_of_document_works(name: str, terminal: Terminal) -> None:
    program = program_of(name)
    require_output(program, terminal.typescript(program.text))


@pytest.mark.parametrize("name", PROGRAMS)
def test_typescript_of_document_has_no_type_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / "page.mts"
    path.write_text(program_of(name).text)
    command = (str(node()), str(typescript()), *TYPE_CHECK, str(path))
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout


def test_documents_for_all_readers_have_commands() -> None:
    assert {"README.md", "docs/build-an-app.md", "docs/operations.md", "docs/tutorial.md"} <= set(
        COMMANDS
    )
    reasons = {b.not_run for name in OURS for b in blocks(text_of(name)) if b.not_run}
    assert all(len(reason.split()) >= 3 for reason in reasons), reasons


def test_wrong_command_and_wrong_output_are_noticed(terminal: Terminal) -> None:
    for language, text in (("sh", "curl -sf http://localhost:8000/nothing"), ("sh", "echo $no")):
        with pytest.raises(AssertionError):
            terminal.run(Block(language, text))
    with pytest.raises(NameError):
        terminal.run(Block("python", "nothing"))
    for block in (
        Block("sh", "echo one", output="two\n"),
        Block("sh", "echo one; echo two", output="two\none\n"),
        Block("python", "print(1)", output="2\n"),
        Block("sql", "select nothing;"),
        Block("sql", "select 1;", output="ERROR:  ...\n"),
    ):
        with pytest.raises(AssertionError):
            require_output(block, terminal.run(block))


@pytest.mark.parametrize("name", [n for n in OURS if INLINE.search(text_of(n))])
def test_inline_queries_and_queries_that_are_not_run_can_be_planned(
    name: str, cluster: Cluster
) -> None:
    text = text_of(name)
    scripts = [b.text for b in blocks(text) if b.language == "sql" and b.not_run]
    queries = [
        re.sub(r"--[^\n]*", "", statement).strip()
        for script in [*INLINE.findall(FENCE.sub("", text)), *scripts]
        for statement in script.split(";")
    ]
    with psycopg.connect(cluster.url(TEMPLATE), autocommit=True) as connection:
        for query in queries:
            if query.startswith("select"):
                try:
                    connection.execute(f"explain {query}".encode())
                except psycopg.Error as error:
                    message = f"{error.sqlstate} {error}"
                    known = any(all(part in message for part in n.split()) for n in EXPECTED_ERRORS)
                    assert known, f"{query}: {message}"


def anchors(text: str) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_relative_links_and_anchors_resolve(name: str) -> None:
    path = CHECKOUT / name
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        if ":" in file:
            continue  # another site
        found = path.parent / file if file else path
        assert found.exists(), target
        if anchor:
            assert found.suffix == ".md", target
            assert anchor in anchors(found.read_text()), target


def test_index_of_docs_links_every_document() -> None:
    linked = {
        os.path.normpath(Path(page).parent / target.partition("#")[0])
        for page in ("docs/README.md", "docs/decisions/README.md", "docs/sql/README.md")
        for target in re.findall(r"\]\(([^)\s:]+)\)", text_of(page))
    }
    missing = {n for n in DOCUMENTS if n.startswith("docs/")} - linked - {"docs/README.md"}
    assert not missing, missing


@pytest.mark.parametrize("name", [n for n in OURS if not n.startswith(HISTORY)])
def test_commands_and_paths_that_document_names_exist(name: str) -> None:
    text = text_of(name)
    code = [*re.findall(r"`([^`\n]+)`", FENCE.sub("", text)), *(b.text for b in blocks(text))]
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.M))
    missing = []
    for quoted in code:
        for target, arguments in re.findall(r"\bmake ([a-z][a-z-]*)((?: \w+=\S+)*)", quoted):
            missing += [f"make {target}"] if target not in targets else []
            for drill in re.findall(r"NAME=([a-z]+)", arguments):
                folder = CHECKOUT / "drills" / drill
                missing += [] if (folder / "__main__.py").exists() else [f"drill {drill}"]
        if only := re.search(r"\bmake test ONLY=sql ARGS=(\"[^\"]+\"|\S+)", quoted):
            for file in only[1].strip('"').split():
                try:
                    files_named(file)
                except CommandError as error:
                    missing.append(str(error))
        for word in re.split(r"[\s\"'=()]+", quoted):
            if re.fullmatch(rf"(?:{'|'.join(ROOTS)})/[\w./@-]*\w/?", word):
                missing += [] if (CHECKOUT / word).exists() else [word]
    missing = [name for name in missing if WALK_FUNCTION not in name]
    assert not missing, missing


def test_every_step_of_the_second_walk_has_a_check() -> None:
    walk = text_of("CONTRIBUTING.md").partition("## Another walk")[2].partition("\n## ")[0]
    steps, checks = re.findall(r"^\d\. ", walk, re.M), re.findall(r"Check: `make ", walk)
    assert len(steps) == len(checks) > 0


@pytest.fixture(scope="module")
def known_names(cluster: Cluster) -> set[str]:
    """The names of `api.`, `app.` and `ops.`: objects, modules and session variables."""
    with psycopg.connect(cluster.url(TEMPLATE)) as connection:
        objects = {name for (name,) in connection.execute(OBJECTS)}
    modules = {f"api.{path.stem}" for path in (CHECKOUT / "api").rglob("*.py")}
    deployed, partitioning = (
        "".join(path.read_text() for path in (CHECKOUT / folder).rglob("*.sql"))
        for folder in ("db/deploy", "db/partitioning")
    )
    variables = set(re.findall(r"'(app\.\w+)'", deployed))
    return objects | modules | variables | set(re.findall(r"create table (\S+)", partitioning))


@pytest.mark.parametrize("name", [n for n in OURS if n != "CHANGELOG.md"])
def test_functions_and_tables_that_document_names_exist(name: str, known_names: set[str]) -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", FENCE.sub("", text_of(name))))
    named = set(re.findall(r"(?<![\w./@-])((?:api|app|ops)\.[a-z]\w+)\b", code))
    missing = {n for n in named - known_names if WALK_FUNCTION not in n}
    for module, member in re.findall(r"(?<![\w./@-])api\.(\w+)\.(\w+)", code):
        if (path := CHECKOUT / f"api/{module}.py").exists():
            defined = re.search(rf"^\s*(def |class )?{member}\b", path.read_text(), re.M)
            missing |= set() if defined else {f"api.{module}.{member}"}
    assert not missing, missing


@pytest.fixture(scope="module")
def source(cluster: Cluster) -> str:
    """Identifiers in all files that are not documents, names of files, and names of PostgreSQL."""
    printed = [
        subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
        for command in (
            ("git", "ls-files"),
            ("git", "grep", "-hIE", "[a-z]+(_[a-z0-9]+){3}", "--", ":!*.md", f":!{Path(__file__)}"),
        )
    ]
    system = "select name from pg_settings union select relname from pg_class"
    with psycopg.connect(cluster.url(TEMPLATE)) as connection:
        return "\n".join([*printed, *(name for (name,) in connection.execute(system))])


@pytest.mark.parametrize("name", [n for n in OURS if n != "CHANGELOG.md"])
def test_constraints_and_triggers_that_document_names_exist(name: str, source: str) -> None:
    """Their names are sentences: four words or more, joined by underscores."""
    sentences = set(re.findall(r"\b[a-z]+(?:_[a-z0-9]+){3,}\b", FENCE.sub("", text_of(name))))
    missing = {sentence for sentence in sentences if sentence not in source}
    assert not missing, missing


def test_changelog_has_a_section_for_each_release() -> None:
    released = re.findall(r"^@v(\S+) (\S+)T", text_of("sqitch.plan"), re.M)
    sections = re.findall(r"^## (\S+) - (\S+)$", text_of("CHANGELOG.md"), re.M)
    assert sections == released[::-1]
    assert text_of("CHANGELOG.md").count("\n## Unreleased\n") == 1


def test_help_fits_one_screen_and_has_every_target() -> None:
    help_ = subprocess.run(
        ("make", "help"), cwd=CHECKOUT, capture_output=True, text=True, check=True
    ).stdout
    lines = help_.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80
    shown = re.findall(r"^  make (\S+) +\S", help_, re.M)
    phony = re.findall(r"^\.PHONY: help (.*)$", text_of("Makefile").replace("\\\n", ""), re.M)[
        0
    ].split()
    assert sorted(shown) == sorted(phony)
    assert sum(not line.startswith("  make ") for line in lines) >= 3, "groups"
