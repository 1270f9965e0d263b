begin;
select plan(2);

create temp view owned as
select 'schema' as kind, n.nspname::text as name, n.nspowner as owner
from pg_namespace as n
where n.nspname in ('app', 'api', 'ops', 'work', 'procrastinate', 'extensions')
union all
select 'relation', c.oid::regclass::text, c.relowner
from pg_class as c inner join pg_namespace as n on n.oid = c.relnamespace
where n.nspname in ('app', 'api', 'ops', 'work')
union all
select 'type', t.oid::regtype::text, t.typowner
from pg_type as t inner join pg_namespace as n on n.oid = t.typnamespace
where n.nspname in ('app', 'api', 'ops', 'work')
union all
select 'function', p.oid::regprocedure::text, p.proowner
from pg_proc as p inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('app', 'api', 'ops', 'work');

select is(
    array_agg(distinct kind order by kind), '{function,relation,schema,type}',
    'there are schemas, relations, types and functions to look at') from owned;
select is_empty(
    $$
    select kind, name, owner::regrole from owned
    where owner <> 'telemed_owner'::regrole
      and not (owner = 'telemed_internal'::regrole
               and (kind = 'function' or name ~ '^(ops.((audit|access)_logs|audit_seals|events)|app.contexts)'))
    $$,
    'telemed_owner owns everything but the functions of telemed_internal and its views of the logs,'
    ' the seals, the events and the context');

select * from finish();
rollback;
