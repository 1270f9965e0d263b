"""Mutants from the catalog: every rule is removed, one at a time.

A rule is a constraint, a unique index, a trigger, a policy, or one operation of an audit trigger.
"""

from __future__ import annotations

from typing import NamedTuple

from scripts.server import Cluster

BY_HAND = "by hand"
RULES = "rules"
GENERATED = "generated"

# Partitions have the rules of their table; the objects of extensions are not ours.
OURS = "c.relnamespace = 'app'::regnamespace and not c.relispartition"


class Mutant(NamedTuple):
    """One way to break the schema.

    subject: the broken function, table or role; its own tests run first. undo: takes sql back, so
    that the next mutant can have the same database; empty if only a new database is whole again.
    """

    kind: str
    name: str
    subject: str
    sql: str
    undo: str = ""


QUERIES = {
    "constraint": f"""
        select format('without %s', k.conname), c.relname,
               format('alter table %s drop constraint %I cascade', c.oid::regclass, k.conname)
          from pg_constraint as k join pg_class as c on c.oid = k.conrelid
         where {OURS} and k.contype in ('c', 'f', 'u', 'x', 'p') and k.conparentid = 0""",
    "domain": """
        select format('without %s', k.conname), t.typname,
               format('alter domain %s drop constraint %I', t.oid::regtype, k.conname)
          from pg_constraint as k join pg_type as t on t.oid = k.contypid
         where t.typnamespace = 'app'::regnamespace""",
    "unique index": f"""
        select format('without %s', x.relname), c.relname,
               format('drop index %s', i.indexrelid::regclass)
          from pg_index as i join pg_class as c on c.oid = i.indrelid
          join pg_class as x on x.oid = i.indexrelid
         where {OURS} and i.indisunique
           and not exists (select from pg_constraint as k where k.conindid = i.indexrelid)""",
    "trigger": f"""
        select format('without %s', t.tgname), c.relname,
               format('drop trigger %I on %s', t.tgname, c.oid::regclass)
          from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
         where {OURS} and not t.tgisinternal""",
    "audit": f"""
        select format('%s of %s is not audited', initcap(o.operation), c.relname), c.relname,
               format('drop trigger %I on %s; %s', t.tgname, c.oid::regclass, regexp_replace(
                   regexp_replace(pg_get_triggerdef(t.oid),
                       'AFTER (.*?) ON', 'AFTER ' || o.others || ' ON'), '$', ''))
          from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
         cross join (values
             ('insert', 'UPDATE OR DELETE'), ('update', 'INSERT OR DELETE'),
             ('delete', 'INSERT OR UPDATE')) as o (operation, others)
         where {OURS} and t.tgfoid = 'app.record_change'::regproc""",
    "policy": """
        select format('without the policy %s', policyname), tablename,
               format('drop policy %I on %I.%I', policyname, schemaname, tablename)
          from pg_policies
         where schemaname = 'app' and not exists (
             select from pg_class as c where c.relispartition
                and c.oid = format('%I.%I', schemaname, tablename)::regclass)""",
    "row-level security": f"""
        select format('row-level security of %s is not forced', c.relname), c.relname,
               format('alter table %s no force row level security', c.oid::regclass)
          from pg_class as c where {OURS} and c.relforcerowsecurity""",
    "not null": f"""
        select format('%s.%s may be null', c.relname, a.attname), c.relname,
               format('alter table %s alter %I drop not null', c.oid::regclass, a.attname)
          from pg_attribute as a join pg_class as c on c.oid = a.attrelid
         where {OURS} and c.relkind in ('r', 'p') and a.attnum > 0 and a.attnotnull
           and a.attidentity = '' and not exists (
               select from pg_constraint as k
                where k.conrelid = c.oid and k.contype = 'p' and a.attnum = any (k.conkey))""",
}


def rules(cluster: Cluster, database: str) -> list[Mutant]:
    """One mutant for each rule that the deployed database has."""
    found = []
    for query in QUERIES.values():
        for line in cluster.sql(query, database).splitlines():
            name, subject, sql = line.split("|", 2)
            found.append(Mutant(RULES, name, subject, sql))
    return sorted(found)
