begin;
\ir ../helpers/one_at_a_time.psql
select plan(21);
set local client_min_messages = warning;
set local role telemed_dba;

select is_empty(
    'select * from ops.blocked_sessions where pid = pg_backend_pid()',
    'blocked_sessions: a session that does not wait is not listed');
reset role;
create extension dblink;
select dblink_connect(s.name, format(
    'host=%s port=%s dbname=%s user=%s application_name=%s',
    split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'),
    current_database(), session_user, s.name))
from (values ('holder'), ('waiter')) as s (name) \g /dev/null
select pid as holder from dblink('holder',
    'select pg_backend_pid() from pg_advisory_lock(42)') as w (pid integer) \gset
select pid as waiter from dblink('waiter', 'select pg_backend_pid()') as w (pid integer) \gset
select dblink_send_query('waiter', 'select pg_advisory_lock(42)::text') \g /dev/null
do $$
begin
    loop
        perform pg_stat_clear_snapshot();
        exit when exists (
            select from pg_stat_activity as a
            where a.application_name = 'waiter' and cardinality(pg_blocking_pids(a.pid)) > 0);
        perform pg_sleep(0.01);
    end loop;
    -- The snapshot is older than the wait, which pg_blocking_pids finds without one.
    perform pg_stat_clear_snapshot();
end;
$$;
set local role telemed_dba;
select results_eq(
    format('select pid, blocked_by_pid, query from ops.blocked_sessions where pid = %s', :waiter),
    format('values (%s, %s, %L)', :waiter, :holder, 'select pg_advisory_lock(42)::text'),
    'blocked_sessions: a waiting session is listed with its statement and the session that blocks '
    'it');
reset role;
select dblink_disconnect(s.name) from (values ('holder'), ('waiter')) as s (name) \g /dev/null
set local role telemed_dba;
select results_eq(
    $$ select count(*) from ops.table_sizes where table_name = 'app.consultations' $$,
    array[1::bigint], 'table_sizes: each table is listed once');
select is_empty(
    $$
    select * from ops.table_sizes
    where total_bytes <> table_bytes + index_bytes or total_bytes <= 0 or days_counted <= 0
    $$,
    'table_sizes: the total size is that of the table and its indexes');
select isnt_empty(
    $$ select * from ops.table_sizes where table_name ~ '^app.audit_logs_[0-9_]+$' $$,
    'table_sizes: each monthly partition is listed');
select results_eq(
    $$
    select verdict from ops.index_usage
    where index_name in ('app.idempotency_keys_are_used_once',
        'app.availability_slots_of_a_doctor_never_overlap', 'app.consultations_one_per_slot')
    $$,
    array_fill('holds a rule'::text, array[3]),
    'index_usage: a unique or exclusion index has the verdict "holds a rule"');
select is_empty(
    $$ select * from ops.index_usage where (verdict = 'unused so far') <> (scans = 0)
       and verdict <> 'holds a rule' $$,
    'index_usage: any other index is "unused so far" exactly if it has no scans');
select lives_ok('select * from ops.missing_indexes', 'missing_indexes: a DBA can read the view');

select is(
    (select can_log_in and not is_superuser and not bypasses_row_level_security
            and tables_readable = 0 and functions_of_api_and_ops > 0
     from ops.role_overview where role_name = 'telemed_api'), true,
    'role_overview: telemed_api can log in and call functions, and can read no table');
select ok(
    (select settings @>
        '{idle_in_transaction_session_timeout=5s,lock_timeout=1500ms,statement_timeout=3s}'
     from ops.role_overview where role_name = 'telemed_api'),
    'role_overview: telemed_api has its time-outs');
select is(
    (select member_of from ops.role_overview where role_name = 'telemed_dba'), '{pg_monitor,pg_signal_backend}',
    'role_overview: telemed_dba is a member of pg_monitor and pg_signal_backend');
select results_eq(
    $$ select role_name from ops.role_overview where is_superuser and role_name ~ '^telemed' $$,
    array[]::text[], 'role_overview: no role of the product is a superuser');
reset role;
create role telemed_test_reader;
grant usage on schema app to telemed_test_reader;
grant select on app.users to telemed_test_reader;
set local role telemed_dba;
select is(
    (select tables_readable from ops.role_overview where role_name = 'telemed_test_reader'),
    1::bigint, 'role_overview: a role that can read a table is shown with the number of tables');

-- Statements, without and with pg_stat_statements
select is_empty('select * from ops.slowest_statements()',
    'slowest_statements: without pg_stat_statements it returns no row');
reset role;
create schema statistics;
grant usage on schema statistics to telemed_dba;
create extension pg_stat_statements schema statistics;
select count(*) from app.consultations where id = gen_random_uuid() \g /dev/null
set local role telemed_dba;
select isnt_empty(
    $$
    select * from ops.slowest_statements(1000000)
    where query ~ 'app.consultations where id = gen_random_uuid' and calls >= 1 and mean_ms > 0
    $$,
    'slowest_statements: with pg_stat_statements a statement is listed with its time');
select is_empty(
    $$ select * from ops.slowest_statements(1000000) where query ~ '<insufficient privilege>' $$,
    'slowest_statements: a DBA sees the statements of all roles');
select is(count(*), 1::bigint,
    'slowest_statements: p_limit bounds the number of rows') from ops.slowest_statements(1);
select is_empty(
    $$ select s.total_ms, s.later from (
           select total_ms, lead(total_ms) over () as later from ops.slowest_statements(1000000)) as s
       where s.total_ms < s.later $$,
    'slowest_statements: the statement with the most time comes first');

set local role telemed_auditor;
select throws_ok('select * from ops.role_overview', '42501', null,
    'role_overview: an auditor cannot read the view');
set local role telemed_api;
select throws_ok('select * from ops.table_sizes', '42501', null,
    'table_sizes: the REST API cannot read the view');
select throws_ok('select ops.slowest_statements()', '42501', null,
    'slowest_statements: the REST API cannot call it');

select * from finish();
rollback;
