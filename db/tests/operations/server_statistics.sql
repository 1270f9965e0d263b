begin;
select plan(21);
set local client_min_messages = warning;
set local role telemed_dba;

select is_empty(
    'select * from ops.blocked_sessions where pid = pg_backend_pid()', 'who waits for nobody is not shown');
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
end;
$$;
set local role telemed_dba;
select results_eq(
    format('select pid, blocked_by_pid, query from ops.blocked_sessions where pid = %s', :waiter),
    format('values (%s, %s, %L)', :waiter, :holder, 'select pg_advisory_lock(42)::text'),
    'who waits is shown, with what they want and who has it');
reset role;
select dblink_disconnect(s.name) from (values ('holder'), ('waiter')) as s (name) \g /dev/null
set local role telemed_dba;
select results_eq(
    $$ select count(*) from ops.table_sizes where table_name = 'app.consultations' $$,
    array[1::bigint], 'each table has its size');
select is_empty(
    $$
    select * from ops.table_sizes
    where total_bytes <> table_bytes + index_bytes or total_bytes <= 0 or days_counted <= 0
    $$,
    'with that of its indexes');
select isnt_empty(
    $$ select * from ops.table_sizes where table_name ~ '^app.audit_logs_[0-9_]+$' $$,
    'each month has its own');
select results_eq(
    $$
    select verdict from ops.index_usage
    where index_name in ('app.idempotency_keys_are_used_once',
        'app.availability_slots_of_a_doctor_never_overlap', 'app.consultations_one_per_slot')
    $$,
    array_fill('holds a rule'::text, array[3]), 'an index that holds a rule is not in question');
select is_empty(
    $$ select * from ops.index_usage where (verdict = 'unused so far') <> (scans = 0)
       and verdict <> 'holds a rule' $$,
    'any other is used or not');
select lives_ok('select * from ops.missing_indexes', 'and some may be missing');

select is(
    (select can_log_in and not is_superuser and not bypasses_row_level_security
            and tables_readable = 0 and functions_of_api_and_ops > 0
     from ops.role_overview where role_name = 'telemed_api'), true,
    'the REST API logs in, calls functions and reads no table');
select ok(
    (select settings @>
        '{idle_in_transaction_session_timeout=5s,lock_timeout=1500ms,statement_timeout=3s}'
     from ops.role_overview where role_name = 'telemed_api'),
    'under its limits');
select is(
    (select member_of from ops.role_overview where role_name = 'telemed_dba'), '{pg_monitor,pg_signal_backend}',
    'database administrators monitor the server');
select results_eq(
    $$ select role_name from ops.role_overview where is_superuser and role_name ~ '^telemed' $$,
    array[]::text[], 'no role of the product is above the rules');
reset role;
create role telemed_test_reader;
grant usage on schema app to telemed_test_reader;
grant select on app.users to telemed_test_reader;
set local role telemed_dba;
select is(
    (select tables_readable from ops.role_overview where role_name = 'telemed_test_reader'),
    1::bigint, 'a role that can read a table stands out');

-- Statements, where they are counted
select is_empty('select * from ops.slowest_statements()', 'without the extension there is no row');
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
    'with it every statement has its time');
select is_empty(
    $$ select * from ops.slowest_statements(1000000) where query ~ '<insufficient privilege>' $$,
    'also those of others');
select is(count(*), 1::bigint, 'as many as asked for') from ops.slowest_statements(1);
select is_empty(
    $$ select s.total_ms, s.later from (
           select total_ms, lead(total_ms) over () as later from ops.slowest_statements(1000000)) as s
       where s.total_ms < s.later $$,
    'the slowest first');

set local role telemed_auditor;
select throws_ok('select * from ops.role_overview', '42501', null, 'an auditor sees none of it');
set local role telemed_api;
select throws_ok('select * from ops.table_sizes', '42501', null, 'nor does the REST API');
select throws_ok('select ops.slowest_statements()', '42501', null, 'nor which statements are slow');

select * from finish();
rollback;
