begin;
select plan(5);

-- Rules for every function of api and ops. db/contract.txt lists the functions themselves.
create temp view public_function as
select
    p.*,
    format('%s.%s(%s)', n.nspname, p.proname,
        pg_get_function_identity_arguments(p.oid)) as signature
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
where n.nspname in ('api', 'ops');

select cmp_ok(
    (select count(*) from public_function), '>', 0::bigint, 'api and ops have functions');
select is_empty(
    $$
    select f.signature, f.prorettype::regtype
    from public_function as f
    inner join pg_type as t on t.oid = f.prorettype
    where t.typnamespace not in (f.pronamespace, 'api'::regnamespace, 'pg_catalog'::regnamespace)
       or t.typname in ('record', 'json', 'jsonb')
    $$,
    'every public function returns a type that clients may know');
select is_empty(
    $$
    select c.oid::regclass, a.attname, a.atttypid::regtype
    from pg_class as c
    inner join pg_attribute as a on a.attrelid = c.oid
    inner join pg_type as t on t.oid = a.atttypid
    left join pg_type as element on element.oid = t.typelem
    where c.relnamespace in ('api'::regnamespace, 'ops'::regnamespace)
      and c.relkind in ('v', 'c') and a.attnum > 0
      and coalesce(nullif(element.typnamespace, 0), t.typnamespace) not in (
          'api'::regnamespace, 'pg_catalog'::regnamespace)
    $$,
    'no type of api or ops has a column of an internal type');
select is_empty(
    $$
    select signature from public_function
    where 'p_limit' = any (proargnames)
      and (not proretset or pg_get_function_arguments(oid) !~ 'p_limit integer DEFAULT 50')
    $$,
    'every list has pages of 50 rows by default');
select is_empty(
    $$
    select signature from public_function
    where proname ~ '^list_|^find_' and not '{p_cursor,p_after}' && proargnames
    $$,
    'every list takes a cursor, so that a client can read it to its end');

select * from finish();
rollback;
