begin;
select plan(5);

create temp view commented as
select 'schema' as kind, n.oid::regnamespace::text as name, obj_description(n.oid,
'pg_namespace') as comment
from pg_namespace as n
where n.nspname in ('app', 'api', 'ops', 'work', 'procrastinate', 'extensions')
union all
select case c.relkind when 'r' then 'table' else 'view' end, c.oid::regclass::text,
    obj_description(c.oid, 'pg_class')
from pg_class as c
inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('app', 'api', 'ops', 'work') and c.relkind in ('r', 'p', 'v', 'm')
union all
select case t.typtype when 'd' then 'domain' else 'type' end, t.oid::regtype::text,
    obj_description(t.oid, 'pg_type')
from pg_type as t
inner join pg_namespace as n on n.oid = t.typnamespace
left join pg_class as c on c.oid = t.typrelid
where n.nspname in ('app', 'api', 'ops', 'work')
  and (t.typtype in ('d', 'e', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
union all
select 'function', p.oid::regprocedure::text, obj_description(p.oid, 'pg_proc')
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('app', 'api', 'ops', 'work');

select is(
    array_agg(distinct kind order by kind), '{domain,function,schema,table,type,view}',
    'there are schemas, tables, views, types, domains and functions to look at') from commented;
select is_empty(
    $$
    select kind, name from commented
    where kind in ('schema', 'table', 'view') and coalesce(comment, '') = ''
    $$,
    'every schema, table and view has a comment');
select is_empty(
    $$
    select kind, name from commented
    where kind in ('domain', 'type') and coalesce(comment, '') = ''
    $$,
    'every type and domain has a comment');
select is_empty(
    $$ select kind, name from commented where kind = 'function' and coalesce(comment, '') = '' $$,
    'every function has a comment');
select is_empty(
    $$ select kind, name from commented where comment !~ '\.$' $$,
    'every comment ends with a full stop');

select * from finish();
rollback;
