begin;
\ir ../helpers/one_at_a_time.psql
select plan(10);

create temp view function as
select
    p.*,
    n.nspname as schema_name,
    l.lanname as language_name
from pg_proc as p
inner join pg_namespace as n on n.oid = p.pronamespace
inner join pg_language as l on l.oid = p.prolang
where n.nspname in ('app', 'api', 'ops', 'work');

select cmp_ok((select count(*) from function), '>', 0::bigint, 'there are functions to look at');
select is_empty(
    $$
    select oid::regprocedure from function
    where proconfig is null
       or not proconfig @> array['search_path=pg_catalog, pg_temp']
    $$,
    'every function sets search_path to pg_catalog, pg_temp');
select is_empty(
    $$ select schema_name, proname from function group by 1, 2 having count(*) > 1 $$,
    'no function is overloaded');
select is_empty(
    $$
    select oid::regprocedure from function where schema_name in ('api', 'ops', 'work')
      and not prosecdef
      -- PostgreSQL shows it other rows for other roles: see ops.slowest_statements.
      and proname <> 'slowest_statements'
    $$,
    'every function of api, ops and work is security definer, except slowest_statements');

-- A function that sees rows of others belongs to telemed_internal.
select is_empty(
    $$
    select oid::regprocedure from function
    where schema_name = 'app' and prosecdef <> (proowner = 'telemed_internal'::regrole)
      -- Called by functions of telemed_internal only.
      and proname not in (
          'this_transaction', 'first_refresh_token', 'next_refresh_token', 'append_audit_seal',
          'cursor_signature')
    $$,
    'an internal function is security definer exactly if telemed_internal owns it, with five '
    'exceptions');
select is_empty(
    $$
    select unnest(i.violations) from app.foundation_invariants(now()) as i
    where i.name = 'every_function_begins_without_a_verified_caller'
    $$,
    'every function of api, ops and work first verifies its caller or clears the verified one');
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
    'forget_actor: it empties the settings of a verified caller');
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
    'every parameter has a name');

select * from finish();
rollback;
