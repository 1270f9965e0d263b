"""Mutants of the functions' bodies: one small change each, like a careless edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from drills.mutants.catalog import GENERATED, Mutant
from scripts.server import Cluster

FUNCTIONS = """
    select coalesce(json_agg(json_build_object(
               'name', p.oid::regprocedure::text, 'subject', p.proname, 'body', p.prosrc,
               'definition', pg_get_functiondef(p.oid)) order by p.oid::regprocedure::text), '[]')
      from pg_proc as p join pg_language as l on l.oid = p.prolang and l.lanname = 'plpgsql'
     where p.pronamespace::regnamespace::text in ('app', 'api', 'ops', 'work')"""
# Strings and comments, which changes of words and signs leave alone.
OPAQUE = re.compile(r"'(?:[^']|'')*'|--[^\n]*|\$(\w*)\$.*?\$\1\$", re.S)
SIGNS: tuple[tuple[str, str], ...] = (
    (r"(?<![<>:=!-])<(?![=>])", "<="),
    (r"<=", "<"),
    (r"(?<![<>=-])>(?![=>])", ">="),
    (r">=", ">"),
    (r"<>", "="),
    (r"(?<=\s)=(?=\s)", "<>"),
    (r"\band\b", "or"),
    (r"\bor\b", "and"),
    (r"\bis null\b", "is not null"),
    (r"\bis not null\b", "is null"),
    (r"\bnot exists\b", "exists"),
    (r"(?<!not )\bexists\b", "not exists"),
    (r"\bif not found\b", "if found"),
    (r"\bis distinct from\b", "="),
    (r"(?<= )\+(?= )", "-"),
    (r"(?<= )-(?= )", "+"),
    (r"\bmin\(", "max("),
    (r"\bmax\(", "min("),
    (r"\bgreatest\(", "least("),
    (r"\bleast\(", "greatest("),
    (r"\bdesc\b", "asc"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r" for no key update", ""),
    (r" for share\b", ""),
    (r" for update skip locked", ""),
)
NUMBER = re.compile(r"(?<![\w.\[])(\d+)(?![\w.\]])")
COMPARED = re.compile(r"(?:=|<>|\bin \() *'(\w[^']*)'")
DURATION = re.compile(r"interval '(\d+)")
# A statement that can be replaced by `null;`: it returns nothing and contains no control flow.
STATEMENT = re.compile(
    r"(?<=\n)( *)((?:perform|update|insert|delete)\b[^;]*;|[a-z_.]+ := [^;]*;)", re.S
)
GUARD = re.compile(r"(?<=\n)( *)if (.*?) then(?=\n)", re.S)
MISSING = re.compile(r"\b(coalesce|nullif)\(")


def generated(cluster: Cluster, database: str) -> list[Mutant]:
    """Every mutant that can be made, in the order of the functions."""
    return [
        Mutant(
            GENERATED,
            named(f["name"], line, what, f["body"]),
            f["subject"],
            definition,
            f["definition"],
        )
        for f in json.loads(cluster.sql(FUNCTIONS, database))
        for line, what, body in changes(f["body"])
        if (definition := f["definition"].replace(f["body"], body)) != f["definition"]
    ]


def named(function: str, line: int, what: str, body: str) -> str:
    """Includes the text of the line, because its number changes."""
    text = body.splitlines()[line - 1].strip()
    return f"{function}, line {line}: {what}, in `{text[:70]}`"


def changes(body: str) -> Iterator[tuple[int, str, str]]:
    """The line, a description of the change, and the whole body after it."""
    hidden = OPAQUE.sub(lambda found: "\x00" * len(found.group()), body)

    def changed(start: int, end: int, new: str, what: str) -> tuple[int, str, str]:
        return body.count("\n", 0, start) + 1, what, body[:start] + new + body[end:]

    for pattern, new in SIGNS:
        for found in re.finditer(pattern, hidden):
            what = f"`{found.group().strip()}` becomes `{new}`" if new else f"no{found.group()}"
            yield changed(found.start(), found.end(), new, what)
    for found in NUMBER.finditer(hidden):
        new = str(int(found.group()) + 1)
        yield changed(found.start(), found.end(), new, f"`{found.group()}` becomes `{new}`")
    for found in DURATION.finditer(body):
        new = str(int(found.group(1)) + 1)
        what = f"`{found.group()}` becomes `{new}`"
        yield changed(found.start(1), found.end(1), new, what)
    for found in COMPARED.finditer(body):
        if "errcode" not in body[: found.start()].rpartition("\n")[2] + found.group():
            what = f"`{found.group(1)}` becomes something else"
            yield changed(found.end(1), found.end(1), "?", what)
    for found in STATEMENT.finditer(hidden):
        first = " ".join(body[found.start(2) : found.end(2)].split())[:50]
        yield changed(found.start(2), found.end(2), "null;", f"no `{first}`")
    for found in GUARD.finditer(hidden):
        condition = " ".join(body[found.start(2) : found.end(2)].split())[:50]
        for value in ("false", "true"):
            yield changed(found.start(2), found.end(2), value, f"`if {condition}` is {value}")
    for found in MISSING.finditer(hidden):
        if (arguments := first_argument(hidden, found.end())) is not None:
            start, end = arguments
            kept = f"({body[found.end() : start]})"
            yield changed(found.start(), end, kept, f"no {found.group(1)}")


def first_argument(text: str, start: int) -> tuple[int, int] | None:
    """The ends of the first argument and of the whole call; None for a single argument."""
    depth, comma = 0, None
    for position in range(start, len(text)):
        match text[position]:
            case "(" | "[":
                depth += 1
            case ")" | "]" if depth == 0:
                return (comma, position + 1) if comma is not None else None
            case ")" | "]":
                depth -= 1
            case "," if depth == 0 and comma is None:
                comma = position
    return None
