begin;
\ir ../helpers/one_at_a_time.psql
select plan(3);

select exists (select from pg_available_extensions where name = 'plpgsql_check') as can_check \gset
\if :can_check
set local client_min_messages = warning;
create extension if not exists plpgsql_check;

-- A trigger function is checked once for each table that it is attached to.
create temp view checked as
select distinct
    p.oid, coalesce(t.tgrelid, 0) as table_id, p.prorettype, t.tgoldtable, t.tgnewtable
from pg_proc as p
left join pg_trigger as t on t.tgfoid = p.oid
where p.pronamespace in ('app'::regnamespace, 'api'::regnamespace, 'ops'::regnamespace,
    'work'::regnamespace)
  and p.prolang = (select oid from pg_language where lanname = 'plpgsql');

select cmp_ok((select count(*) from checked), '>', 0::bigint, 'there are functions to look at');
select is_empty(
    $$
    select oid::regprocedure from checked where table_id = 0 and prorettype = 'trigger'::regtype
    $$,
    'every trigger function is attached to a table');
select is_empty(
    $$
    select c.oid::regprocedure, c.table_id::regclass, f.lineno, f.level, f.sqlstate, f.message
    from checked as c
    cross join lateral plpgsql_check_function_tb(
        c.oid, c.table_id, fatal_errors => false, all_warnings => true,
        oldtable => c.tgoldtable, newtable => c.tgnewtable) as f
    where not (c.table_id = 0 and c.prorettype = 'trigger'::regtype)
    $$,
    'plpgsql_check reports nothing about any function');
\else
select skip('the extension plpgsql_check is not available', 3);
\endif

select * from finish();
rollback;
