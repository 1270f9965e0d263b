begin;
\ir ../helpers/actors.psql
select plan(33);
reset role;

create table app.charts (chart_id text primary key, note text, pin text, token bytea);
create trigger charts_are_audited
after insert or update or delete on app.charts
for each row execute function app.record_change('chart_id', 'pin', 'token');

create function pg_temp.traces()
returns setof app.audit_logs language sql
as $$ select l.* from app.audit_logs as l where l.table_name = 'charts' order by l.id desc $$;

select pg_temp.sign_in('doctor', p_request_id => 'request-1');
insert into app.charts values ('c-1', 'first', '1234', '\xdeadbeef');
select collect_tap(
    is(l.operation, 'INSERT', 'a new row leaves a trace'),
    is(l.row_id, 'c-1', 'under its name'),
    is(l.old, null, 'without old values'),
    is(l.new, '{"chart_id": "c-1", "note": "first"}', 'with the new ones, but no secret'),
    is(l.user_id, pg_temp.id_of('doctor'), 'of the user'),
    is(l.role::text, 'doctor', 'in their role'),
    is(l.request_id::text, 'request-1', 'under the request'),
    is(l.database_login, session_user, 'by the login to the database'))
from pg_temp.traces() as l limit 1;

select pg_temp.sign_in('admin');
update app.charts set note = 'second' where chart_id = 'c-1';
select collect_tap(
    is(l.operation, 'UPDATE', 'a change leaves a trace'),
    is(l.old, '{"chart_id": "c-1", "note": "first"}', 'with the old values'),
    is(l.new, '{"chart_id": "c-1", "note": "second"}', 'and the new ones'),
    is(l.user_id, pg_temp.id_of('admin'), 'of the user who made it'))
from pg_temp.traces() as l limit 1;

update app.charts set pin = '5678' where chart_id = 'c-1';
select is((l.operation, l.old), ('UPDATE'::text, l.new),
    'a new secret leaves a trace that does not tell it')
from pg_temp.traces() as l limit 1;

select pg_temp.sign_in('nobody', p_request_id => '');
delete from app.charts;
select collect_tap(
    is(l.operation, 'DELETE', 'a deletion leaves a trace'),
    is(l.row_id, 'c-1', 'under the name that the row had'),
    is(l.old, '{"chart_id": "c-1", "note": "second"}', 'with what it held'),
    is(l.new, null, 'without new values'),
    is(l.user_id, null, 'also of nobody who was signed in'),
    is(l.role::text, null, 'without a role'),
    is(l.request_id::text, null, 'without a request'),
    is(l.database_login, session_user, 'but with the login to the database'))
from pg_temp.traces() as l limit 1;

create table app.pages (id integer primary key) partition by range (id);
create table app.pages_below_five partition of app.pages for values from (0) to (5);
create trigger pages_are_audited
after insert or update or delete on app.pages
for each row execute function app.record_change('id');
insert into app.pages values (3);
insert into app.pages_below_five values (4);
select results_eq(
    $$ select l.row_id from app.audit_logs as l where l.table_name = 'pages' order by l.row_id $$,
    array['3', '4'], 'a row of a partition leaves its trace under the name of the table');
select is_empty(
    $$ select from app.audit_logs as l where l.table_name = 'pages_below_five' $$,
    'and none under that of the partition');

insert into app.charts values ('c-2'), ('c-3');
update app.charts set note = 'both';
select is(
    (select count(*) from pg_temp.traces() as l where l.new ->> 'note' = 'both'), 2::bigint,
    'every row of a statement leaves its own');
select is(
    (select count(*) from pg_temp.traces() as l
     where concat(l.old, l.new) ~ '1234|5678|deadbeef|pin|token'),
    0::bigint, 'no secret is anywhere in them');

-- Who cannot be named is not waved through
set local app.user_id = 'somebody';
select throws_ok(
    $$ update app.charts set note = 'third' $$, 'TM101', null,
    'a change by who does not prove who they are is refused');
select pg_temp.sign_in('nobody', p_request_id => E'two\nlines');
select throws_ok(
    $$ update app.charts set note = 'third' $$, '23514', null,
    'so is one under a request id that would spoil the trail');
set local app.proof = '';
set local app.user_id = 'somebody';
update app.charts set note = 'both';
select collect_tap(
    is(l.user_id, null, 'without a proof the trail names nobody'),
    is(l.request_id::text, null, 'and no request'))
from pg_temp.traces() as l limit 1;
select is(
    array_agg(distinct note), '{both}', 'without its trace no change is made') from app.charts;

-- An earlier caller of the same transaction
select pg_temp.sign_in('patient');
select set_config('app.verified_user_id', pg_temp.id_of('doctor')::text, true),
    set_config('app.verified_role', 'doctor', true) \g /dev/null
update app.charts set note = 'after another call';
select collect_tap(
    is(l.user_id, pg_temp.id_of('patient'),
        'the audit log names the caller of the context, not the one of an earlier call'),
    is(l.role::text, 'patient', 'in the caller''s own role'))
from pg_temp.traces() as l limit 1;
select app.forget_actor() \g /dev/null

-- Whoever writes, wherever they are
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
    'times and bytes are written in one way, whatever the session likes')
from app.audit_logs as l where l.table_name = 'times';

select * from finish();
rollback;
