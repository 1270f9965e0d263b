begin;
\ir ../helpers/actors.psql
select plan(33);
reset role;

create table app.charts (chart_id text primary key, note text, pin text, token bytea);
create trigger charts_are_audited
after insert or update or delete on app.charts
for each row execute function app.record_change('chart_id', 'pin', 'token');

create function pg_temp.logged()
returns setof app.audit_logs language sql
as $$ select l.* from app.audit_logs as l where l.table_name = 'charts' order by l.id desc $$;

select pg_temp.sign_in('doctor', p_request_id => 'request-1');
insert into app.charts values ('c-1', 'first', '1234', '\xdeadbeef');
select collect_tap(
    is(l.operation, 'INSERT', 'record_change: an insert writes a row to the audit log'),
    is(l.row_id, 'c-1', 'record_change: an insert is recorded with the id of the row'),
    is(l.old, null, 'record_change: an insert is recorded without old values'),
    is(l.new, '{"chart_id": "c-1", "note": "first"}',
        'record_change: an insert is recorded with its new values, without the secret columns'),
    is(l.user_id, pg_temp.id_of('doctor'), 'record_change: an insert is recorded with the user'),
    is(l.role::text, 'doctor', 'record_change: an insert is recorded with the user''s role'),
    is(l.request_id::text, 'request-1', 'record_change: an insert is recorded with the request id'),
    is(l.database_login, session_user,
        'record_change: an insert is recorded with the database login'))
from pg_temp.logged() as l limit 1;

select pg_temp.sign_in('admin');
update app.charts set note = 'second' where chart_id = 'c-1';
select collect_tap(
    is(l.operation, 'UPDATE', 'record_change: an update writes a row to the audit log'),
    is(l.old, '{"chart_id": "c-1", "note": "first"}',
        'record_change: an update is recorded with the old values'),
    is(l.new, '{"chart_id": "c-1", "note": "second"}',
        'record_change: an update is recorded with the new values'),
    is(l.user_id, pg_temp.id_of('admin'),
        'record_change: an update is recorded with the user who made it'))
from pg_temp.logged() as l limit 1;

update app.charts set pin = '5678' where chart_id = 'c-1';
select is((l.operation, l.old), ('UPDATE'::text, l.new),
    'record_change: an update of a secret column is recorded without the secret')
from pg_temp.logged() as l limit 1;

select pg_temp.sign_in('nobody', p_request_id => '');
delete from app.charts;
select collect_tap(
    is(l.operation, 'DELETE', 'record_change: a delete writes a row to the audit log'),
    is(l.row_id, 'c-1', 'record_change: a delete is recorded with the id of the row'),
    is(l.old, '{"chart_id": "c-1", "note": "second"}',
        'record_change: a delete is recorded with the old values'),
    is(l.new, null, 'record_change: a delete is recorded without new values'),
    is(l.user_id, null,
        'record_change: a change by a caller who is not logged in is recorded without a user'),
    is(l.role::text, null,
        'record_change: a change by a caller who is not logged in is recorded without a role'),
    is(l.request_id::text, null,
        'record_change: a change with an empty request id is recorded without one'),
    is(l.database_login, session_user,
        'record_change: a change by a caller who is not logged in is recorded with the database '
        'login'))
from pg_temp.logged() as l limit 1;

create table app.pages (id integer primary key) partition by range (id);
create table app.pages_below_five partition of app.pages for values from (0) to (5);
create trigger pages_are_audited
after insert or update or delete on app.pages
for each row execute function app.record_change('id');
insert into app.pages values (3);
insert into app.pages_below_five values (4);
select results_eq(
    $$ select l.row_id from app.audit_logs as l where l.table_name = 'pages' order by l.row_id $$,
    array['3', '4'],
    'record_change: a change in a partition is recorded under the name of the table');
select is_empty(
    $$ select from app.audit_logs as l where l.table_name = 'pages_below_five' $$,
    'record_change: no change is recorded under the name of a partition');

insert into app.charts values ('c-2'), ('c-3');
update app.charts set note = 'both';
select is(
    (select count(*) from pg_temp.logged() as l where l.new ->> 'note' = 'both'), 2::bigint,
    'record_change: every changed row of a statement is recorded');
select is(
    (select count(*) from pg_temp.logged() as l
     where concat(l.old, l.new) ~ '1234|5678|deadbeef|pin|token'),
    0::bigint, 'record_change: no recorded row contains a secret or the name of a secret column');

-- A context that cannot be verified
set local app.user_id = 'somebody';
select throws_ok(
    $$ update app.charts set note = 'third' $$, 'TM101', null,
    'record_change: a change under a context with a wrong signature is refused');
select pg_temp.sign_in('nobody', p_request_id => E'two\nlines');
select throws_ok(
    $$ update app.charts set note = 'third' $$, '23514', null,
    'record_change: a change under a request id of two lines is rejected');
set local app.proof = '';
set local app.user_id = 'somebody';
update app.charts set note = 'both';
select collect_tap(
    is(l.user_id, null,
        'record_change: a change without a context signature is recorded without a user'),
    is(l.request_id::text, null,
        'record_change: a change without a context signature is recorded without a request id'))
from pg_temp.logged() as l limit 1;
select is(
    array_agg(distinct note), '{both}',
    'record_change: a change that cannot be recorded is not made') from app.charts;

-- A context after an earlier call of the same transaction
select pg_temp.sign_in('patient');
select set_config('app.verified_user_id', pg_temp.id_of('doctor')::text, true),
    set_config('app.verified_role', 'doctor', true) \g /dev/null
update app.charts set note = 'after another call';
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'),
        'record_change: the recorded user is that of the context and not that of an earlier call'),
    is(l.role::text, 'patient',
        'record_change: the recorded role is that of the context and not that of an earlier call'))
from pg_temp.logged() as l limit 1;
select app.forget_actor() \g /dev/null

-- The settings of the session
create table app.times (id text primary key, at timestamptz, digest bytea);
create trigger times_are_audited
after insert or update or delete on app.times
for each row execute function app.record_change('id');
set local timezone = 'Asia/Tokyo';
set local bytea_output = escape;
insert into app.times values ('t-1', '2027-01-04 09:00:00+00', '\x01ff');
set local timezone = 'UTC';
set local bytea_output = hex;
select is(
    l.new, '{"id": "t-1", "at": "2027-01-04T09:00:00+00:00", "digest": "\\x01ff"}',
    'record_change: the form of times and bytes does not depend on the settings of the session')
from app.audit_logs as l where l.table_name = 'times';

select * from finish();
rollback;
