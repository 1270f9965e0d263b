"""`make docs`: docs/sql and db/contract.txt, from the catalog of a freshly deployed database;
the copy of the OpenAPI document (scripts/openapi.py); docs/settings.md.

docs/sql is the SQL reference: comments, signatures, constraints, rights and the diagram.
db/contract.txt is what a reviewer reads (scripts/contract.py). tests/server/test_docs.py and
tests/server/test_contract.py fail if a file differs from the catalog.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row

from scripts import contract, openapi
from scripts.cluster import TEMPLATE, deploy, throwaway_cluster
from scripts.system import CHECKOUT, command_line, say

FOLDER = CHECKOUT / "docs/sql"
SETTINGS = CHECKOUT / "docs/settings.md"
EXAMPLES = ("APP_ENV",)  # whose value in .env.example is for development, and not the default
SCHEMAS = {
    "api": "The contract: the REST API calls these functions, and DBAs in psql after `ops.act_as`.",
    "ops": "Functions for DBAs.",
    "work": "Functions that the worker calls.",
    "app": "Internal functions and triggers. Only functions call them.",
}
ROLES = "'{telemed_api,telemed_dba,telemed_auditor,telemed_worker}'::text[]"
FUNCTIONS = f"""
    select p.proname as name, p.oid::regprocedure::text as signature,
           pg_get_function_arguments(p.oid) as arguments, pg_get_function_result(p.oid) as result,
           obj_description(p.oid, 'pg_proc') as comment, p.prosecdef as definer,
           case p.provolatile when 'i' then 'immutable' when 's' then 'stable'
               else 'volatile' end as volatility,
           p.prorettype = 'trigger'::regtype as is_trigger,
           p.proowner::regrole::text as owner,
           coalesce((select string_agg(r, ', ' order by r) from unnest({ROLES}) as r
             where has_function_privilege(r, p.oid, 'execute')), 'nobody') as executed_by,
           coalesce((select string_agg(distinct t.tgrelid::regclass::text, ', ')
              from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
             where t.tgfoid = p.oid and not c.relispartition), '') as on_tables
      from pg_proc as p where p.pronamespace = %s::regnamespace order by p.proname"""
RELATIONS = """
    select c.oid, c.relname as name, c.relkind = 'v' as is_view,
           coalesce(t.typname, '') <> '' and c.relkind = 'c' as is_type,
           obj_description(c.oid, 'pg_class') as comment,
           obj_description(t.oid, 'pg_type') as type_comment,
           pg_get_partkeydef(c.oid) as partitioned, c.relforcerowsecurity as forced
      from pg_class as c left join pg_type as t on t.typrelid = c.oid and c.relkind = 'c'
     where c.relnamespace = %s::regnamespace and c.relkind in ('r', 'p', 'v', 'c')
       and not c.relispartition order by c.relname"""
COLUMNS = """
    select a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
           a.attnotnull as needed, col_description(a.attrelid, a.attnum) as comment,
           case when a.attidentity <> '' then 'identity'
                else pg_get_expr(d.adbin, d.adrelid) end as "default"
      from pg_attribute as a
      left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where a.attrelid = %s and a.attnum > 0 and not a.attisdropped order by a.attnum"""
CONSTRAINTS = """
    select conname as name, pg_get_constraintdef(oid) as definition, contype as type,
           confrelid::regclass::text as refers_to
      from pg_constraint where conrelid = %s and contype <> 'n'
     order by array_position('{p,u,x,f,c}'::text[], contype::text), conname"""
INDEXES = """
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
      from pg_index as i
     where i.indrelid = %s
       and not exists (select from pg_constraint as k where k.conindid = i.indexrelid)
     order by 1"""
TRIGGERS = """
    select tgname as name, pg_get_triggerdef(oid) as definition
      from pg_trigger where tgrelid = %s and not tgisinternal order by 1"""
POLICIES = """
    select polname as name, coalesce(pg_get_expr(polqual, polrelid), 'true') as seen,
           pg_get_expr(polwithcheck, polrelid) as written,
           case polcmd when '*' then 'all' when 'r' then 'select' when 'a' then 'insert'
               when 'w' then 'update' else 'delete' end as command,
           (select string_agg(r::regrole::text, ', ') from unnest(polroles) as r) as roles
      from pg_policy where polrelid = %s order by 1"""
DOMAINS = """
    select t.typname as name, format_type(t.typbasetype, t.typtypmod) as base,
           obj_description(t.oid, 'pg_type') as comment
      from pg_type as t where t.typnamespace = 'app'::regnamespace and t.typtype = 'd' order by 1"""

Row = dict[str, Any]


def main() -> None:
    with throwaway_cluster() as cluster:
        deploy(cluster, TEMPLATE)
        files = reference(cluster.url(TEMPLATE))
        contract.FILE.write_text(contract.contract(cluster.url(TEMPLATE)))
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (FOLDER / name).write_text(text)
    SETTINGS.write_text(settings_page())
    openapi.PROBLEMS.write_text(openapi.problems())
    openapi.FILE.write_text(openapi.document())
    say(f"docs: {len(files)} files in {FOLDER.relative_to(CHECKOUT)}")
    say(f"docs: {contract.FILE.relative_to(CHECKOUT)}: read its diff")
    say(f"docs: {openapi.FILE.relative_to(CHECKOUT)}: name its changes in CHANGELOG.md")


def reference(url: str) -> dict[str, str]:
    """Every file of docs/sql, by name."""
    with psycopg.connect(url, row_factory=dict_row) as connection:
        catalog = Catalog(connection)
        files = {f"{schema}.md": catalog.functions(schema) for schema in SCHEMAS}
        files["tables.md"] = catalog.tables()
        files["README.md"] = index(files, catalog.entities())
    return files


def index(files: dict[str, str], entities: list[str]) -> str:
    counts = {name: len(re.findall(r"^## ", text, re.M)) for name, text in files.items()}
    lines = [
        "# SQL reference",
        "",
        "Made from the catalog by `make docs`; do not edit. `\\df+ api.*` in psql says the same.",
        "",
        *(
            f"- [{schema}.md]({schema}.md): {about} {counts[f'{schema}.md']} functions."
            for schema, about in SCHEMAS.items()
        ),
        "- [tables.md](tables.md): tables with columns, constraints, indexes, triggers and"
        " policies, and the domains of their columns.",
        "",
        "## Tables and foreign keys",
        "",
        "```mermaid",
        "erDiagram",
        *(f"    {line}" for line in entities),
        "```",
    ]
    return "\n".join(lines) + "\n"


def settings_page() -> str:
    """docs/settings.md: each variable of .env.example with its comment and its value."""
    lines = [
        "# Settings",
        "",
        "Made from `.env.example` by `make docs`; do not edit. The API reads variables of the",
        "environment and, below them, `.env`. `python -m api settings` prints what is in force,",
        "without secrets. [The deployment](migrations.md#deploy) has variables of its own.",
    ]
    _header, *blocks = (CHECKOUT / ".env.example").read_text().strip().split("\n\n")
    for block in blocks:
        *comment, last = block.splitlines()
        if section := re.fullmatch(r"# --- (.*?) -+", last):
            lines += ["", f"## {section[1]}"]
        elif variable := re.fullmatch(r"(#?)([A-Z_]+)=(.*)", last):
            prose = "\n".join(line.removeprefix("# ") for line in comment)
            # Commands are indented and follow a colon.
            prose = re.sub(r"^  (?=\S)", "    ", prose, flags=re.M).replace(":\n    ", ":\n\n    ")
            is_example = variable[3] and (variable[1] or variable[2] in EXAMPLES)
            kind = "Example" if is_example else "Default"
            value = f"`{variable[3]}`" if variable[3] else "empty"
            lines += ["", f"### {variable[2]}", "", prose, "", f"{kind}: {value}"]
    return "\n".join(lines) + "\n"


class Catalog:
    """Pages from one connection to a deployed database."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection
        self._domains = domains()

    def rows(self, query: str, *values: object) -> list[Row]:
        return self._connection.execute(query.encode(), values or None).fetchall()

    def functions(self, schema: str) -> str:
        functions = self.rows(FUNCTIONS, schema)
        lines = [f"# Functions of the schema {schema}", "", SCHEMAS[schema], ""]
        by_domain: dict[str, list[Row]] = defaultdict(list)
        for function in functions:
            by_domain[self._domains.get(f"{schema}.{function['name']}", "other")].append(function)
        for domain, members in sorted(by_domain.items()):
            links = ", ".join(f"[{f['name']}](#{anchor(schema, f['name'])})" for f in members)
            lines += [f"- **{domain}**: {links}"]
        for function in functions:
            lines += ["", *describe(schema, function)]
        if types := [r for r in self.rows(RELATIONS, schema) if r["is_type"] or r["is_view"]]:
            lines += ["", f"# Types and views of the schema {schema}"]
            for relation in types:
                lines += ["", f"### {schema}.{relation['name']}", ""]
                lines += [sentence(relation["type_comment"] or relation["comment"]), ""]
                lines += columns(self.rows(COLUMNS, relation["oid"]), defaults=False)
        return "\n".join(lines) + "\n"

    def tables(self) -> str:
        lines = ["# Tables", "", "The tables of the schema app. No login has rights on them.", ""]
        tables = [r for r in self.rows(RELATIONS, "app") if not (r["is_view"] or r["is_type"])]
        by_domain: dict[str, list[Row]] = defaultdict(list)
        for table in tables:
            by_domain[self._domains.get(f"app.{table['name']}", "other")].append(table)
        for domain, members in sorted(by_domain.items()):
            links = ", ".join(f"[{t['name']}](#{anchor('app', t['name'])})" for t in members)
            lines.append(f"- **{domain}**: {links}")
        for table in tables:
            lines += ["", f"## app.{table['name']}", "", sentence(table["comment"]), ""]
            lines += columns(self.rows(COLUMNS, table["oid"]))
            lines += self._rules(table)
        lines += ["", "# Domains", "", "| domain | of | holds |", "|---|---|---|"]
        lines += [
            f"| {d['name']} | {d['base']} | {cell(d['comment'])} |" for d in self.rows(DOMAINS)
        ]
        return "\n".join(lines) + "\n"

    def _rules(self, table: Row) -> Iterator[str]:
        oid = table["oid"]
        if table["partitioned"]:
            yield from ("", f"Partitioned by {table['partitioned']}.")
        parts = {
            "Constraints": self.rows(CONSTRAINTS, oid),
            "Indexes": self.rows(INDEXES, oid),
            "Triggers": self.rows(TRIGGERS, oid),
        }
        for title, members in parts.items():
            if members:
                yield from ("", f"{title}:", "")
            for member in members:
                definition = " ".join(member["definition"].split())
                yield f"- `{member['name']}`: `{definition}`"
        yield ""
        if not table["forced"]:
            yield "No row-level security."
            return
        yield from ("Row-level security, forced; policies:", "")
        for policy in self.rows(POLICIES, oid):
            seen, written = (
                " ".join(text.split()) if text else ""
                for text in (policy["seen"], policy["written"])
            )
            check = f", rows written `{written}`" if written else ""
            yield (
                f"- `{policy['name']}` for {policy['command']} to {policy['roles']}:"
                f" `{seen}`{check}"
            )

    def entities(self) -> list[str]:
        """The lines of Mermaid's erDiagram: each table with its keys, each foreign key."""
        lines = []
        for table in self.rows(RELATIONS, "app"):
            if table["is_view"] or table["is_type"]:
                continue
            constraints = self.rows(CONSTRAINTS, table["oid"])
            columns = {c["name"]: c for c in self.rows(COLUMNS, table["oid"])}
            unique = [set(key_columns(k)) for k in constraints if k["type"] in "pu"]
            marks: dict[str, list[str]] = defaultdict(list)
            for key in constraints:
                if key["type"] not in "pf":
                    continue
                names = key_columns(key)
                for name in names:
                    marks[name] += [{"p": "PK", "f": "FK"}[key["type"]]]
                if key["type"] == "f":
                    one = "||" if all(columns[name]["needed"] for name in names) else "|o"
                    many = "o|" if any(u <= set(names) for u in unique) else "o{"
                    other = key["refers_to"].removeprefix("app.")
                    lines.append(f'{other} {one}--{many} {table["name"]} : "{", ".join(names)}"')
            lines.append(f"{table['name']} {{")
            for name, keys in marks.items():
                kind = re.sub(r"\W+", "_", columns[name]["type"].removeprefix("app."))
                lines.append(f"    {kind} {name} {', '.join(dict.fromkeys(keys))}")
            lines.append("}")
        return lines


def key_columns(key: Row) -> list[str]:
    """The columns of a primary, unique or foreign key."""
    return re.findall(r"\w+", key["definition"].partition("(")[2].partition(")")[0])


def domains() -> dict[str, str]:
    """Which folder of db/deploy each function and table is made in."""
    made = re.compile(r"^create (?:or replace )?(?:function|table) (\w+\.\w+)", re.M)
    return {
        name: path.parent.name
        for path in sorted((CHECKOUT / "db/deploy").rglob("*.sql"))
        for name in made.findall(path.read_text())
    }


def describe(schema: str, function: Row) -> Iterator[str]:
    yield f"## {schema}.{function['name']}"
    yield ""
    yield "```sql"
    arguments = re.sub(r", (?=p_)", ",\n    ", function["arguments"])
    shown = f"\n    {arguments}\n" if "\n" in arguments else arguments
    yield f"{schema}.{function['name']}({shown}) returns {function['result']}"
    yield "```"
    yield ""
    yield sentence(function["comment"])
    yield ""
    rights = f"with the rights of {function['owner']}" if function["definer"] else "its caller's"
    rights = rights if function["definer"] else f"with {rights}"
    facts = [function["volatility"], rights]
    if function["is_trigger"]:
        facts.append(f"trigger on {function['on_tables']}")
    else:
        facts.append(f"executed by {function['executed_by']}")
    codes = sorted(set(re.findall(r"\bTM\d{3}\b", function["comment"])))
    if codes:
        facts.append(f"codes {', '.join(f'[{c}](../../db/errors.md)' for c in codes)}")
    yield f"*{'; '.join(facts)}*"


def columns(rows: list[Row], *, defaults: bool = True) -> Iterator[str]:
    yield "| column | type | |" if not defaults else "| column | type | null | default | |"
    yield "|---|---|---|" if not defaults else "|---|---|---|---|---|"
    for row in rows:
        middle = ""
        if defaults:
            default = f"`{cell(row['default'])}`" if row["default"] else ""
            middle = f" {'' if row['needed'] else 'yes'} | {default} |"
        yield f"| {row['name']} | {row['type']} |{middle} {cell(row['comment'])} |"


def cell(text: str | None) -> str:
    return sentence(text).replace("|", "\\|")


def sentence(text: str | None) -> str:
    return " ".join((text or "").split())


def anchor(schema: str, name: str) -> str:
    return f"{schema}{name}"


if __name__ == "__main__":
    command_line("docs", main)
