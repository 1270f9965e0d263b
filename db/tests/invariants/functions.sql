begin;
select plan(10);

create temp view function as
select
    p.*,
    n.nspname as schema_name,
    l.lanname as language_name
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
inner join pg_language as l on l.oid = p.prolang
where n.nspname in ('app', 'api', 'ops');

select cmp_ok((select count(*) from function), '>', 0::bigint, 'there are functions to look at');
select is_empty(
    $$
    select oid::regprocedure from function
    where proconfig is null
       or not proconfig @> array['search_path=pg_catalog, pg_temp']
    $$,
    'every function finds its names in pg_catalog, and in pg_temp last');
select is_empty(
    $$ select schema_name, proname from function group by 1, 2 having count(*) > 1 $$,
    'no function has the name of another one in its schema');
select is_empty(
    $$
    select oid::regprocedure from function where schema_name in ('api', 'ops') and not prosecdef
      -- What it shows depends on who asks: see ops.slowest_statements.
      and proname <> 'slowest_statements'
    $$,
    'every function that clients call acts with the rights of the owner');

-- What looks beyond its caller has an owner of its own.
select is_empty(
    $$
    select oid::regprocedure from function
    where schema_name = 'app' and prosecdef <> (proowner = 'telemed_internal'::regrole)
      -- What only other functions of telemed_internal call.
      and proname not in (
          'this_transaction', 'first_refresh_token', 'next_refresh_token', 'append_audit_seal',
          'cursor_signature')
    $$,
    'an internal function acts with the rights of telemed_internal, or with those of its caller');
select is_empty(
    $$
    select v.example from app.invariant_violations(now()) as v
    where v.name = 'every_function_begins_without_a_verified_caller'
    $$,
    'every function that clients call begins without a verified caller');
select results_eq(
    $$
    with before as materialized (
        select set_config('app.verified_user_id', gen_random_uuid()::text, true),
               set_config('app.verified_role', 'admin', true)
    ), call as materialized (
        select app.forget_actor() from before
    )
    select current_setting('app.verified_user_id'), current_setting('app.verified_role') from call
    $$,
    $$ values ('', '') $$,
    'app.forget_actor empties what a client has set');
select is_empty(
    $$ select oid::regprocedure from function where language_name not in ('sql', 'plpgsql') $$,
    'every function is written in SQL or PL/pgSQL');
select is_empty(
    $$
    select f.oid::regprocedure, a.name
    from function as f
    cross join lateral unnest(f.proargnames, coalesce(f.proargmodes, array_fill('i'::"char",
    array[f.pronargs])))
        as a (name, mode)
    where a.mode in ('i', 'b', 'v') and a.name !~ '^p_[a-z_]+$'
    $$,
    'every parameter begins with p_');
select is_empty(
    $$ select oid::regprocedure from function where proargnames is null and pronargs > 0 $$,
    'and every parameter has a name');

select * from finish();
rollback;
