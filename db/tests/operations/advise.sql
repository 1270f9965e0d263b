begin;
\ir ../helpers/actors.psql
select plan(39);
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;

create function pg_temp.advice(p_subject text)
returns text language sql security definer
as $$
    select string_agg(a.severity, ', ') from ops.advise() as a where a.subject ~ p_subject
$$;
select is_empty(
    $$ select * from ops.advise() where severity not in ('danger', 'warning', 'hint')
       or subject is null or found is null or advice is null $$,
    'advise: each row has a severity, a subject, a finding and an advice');
select is_empty(
    $$ select subject from ops.advise() where subject !~ '^(setting|extension|table|connections|time zone|worker|backup)' $$,
    'advise: a new database gets advice on settings, extensions, tables, connections, time '
    'zones, the worker and backups only');
select is(pg_temp.advice('pg_stat_statements'), 'hint',
    'advise: a server without pg_stat_statements is a hint');

-- Settings of this session and of the throw-away server
reset role;
set local synchronous_commit = off;
set local random_page_cost = 4;
select is(pg_temp.advice('setting ' || v.name || '$'), v.severity, v.sentence)
from (values
    ('synchronous_commit', 'danger', 'advise: synchronous_commit = off is a danger'),
    ('random_page_cost', 'hint', 'advise: random_page_cost = 4 is a hint'),
    ('autovacuum', null, 'advise: autovacuum = on gets no advice'),
    ('server_encoding', null, 'advise: the encoding UTF8 gets no advice'))
    as v (name, severity, sentence);
set local random_page_cost = 2;
select is(pg_temp.advice('setting random_page_cost$'), null,
    'advise: random_page_cost = 2 gets no advice');
set local random_page_cost = 2.5;
select is(pg_temp.advice('setting random_page_cost$'), 'hint',
    'advise: random_page_cost = 2.5 is a hint');
set local synchronous_commit = remote_apply;
set local random_page_cost = 1.1;
select is(
    pg_temp.advice('setting (synchronous_commit|random_page_cost)$'), null,
    'advise: corrected settings get no advice');

-- Data
savepoint intact;
create or replace function app.time_zone_laws()
returns setof ops.time_zone_law language sql stable set search_path = pg_catalog, pg_temp
as $$
    values ('2025a', 'Europe/Berlin', timestamptz '2020-01-15 12:00+00', interval '1 hour',
        interval '1 hour'),
        ('2025b', 'Asia/Tokyo', '2020-01-15 12:00+00', '-3 hours', '9 hours'),
        ('2025c', 'Moon/Tycho', '2020-01-15 12:00+00', '1 hour', null)
$$;
select results_eq(
    $$ select a.severity, a.subject, a.found, left(a.advice, 30) from ops.advise() as a
       where a.subject ~ '^time zone' order by a.subject collate "C" $$,
    $$ values
    ('warning', 'time zone Asia/Tokyo',
     'UTC 09:00 on 2020-01-15, by PostgreSQL''s time zone data 2025a',
     'UTC -03:00, by release 2025b o'),
    ('warning', 'time zone Moon/Tycho', 'unknown, by PostgreSQL''s time zone data 2025a',
     'UTC 01:00, by release 2025c of') $$,
    'advise: a law of clocks that PostgreSQL does not know is a warning with both offsets');
select is(pg_temp.advice('^slots of time zone'), null,
    'advise: slots at their local time get no advice');
insert into app.availability_slots (doctor_id, starts_at, ends_at, starts_at_local, time_zone)
values (pg_temp.id_of('doctor'), '2027-06-01 09:00+00', '2027-06-01 10:00+00',
    '2027-06-01 09:00', 'Europe/Berlin');
select is(
    (select a.found from ops.advise() as a where a.subject = 'slots of time zone Europe/Berlin'),
    '1 not at their local time any more, 0 of them booked',
    'advise: slots that are not at their local time are a warning');
rollback to intact;
delete from procrastinate.procrastinate_workers;
select is(pg_temp.advice('^worker$'), 'warning', 'advise: a start without a worker is a warning');
insert into procrastinate.procrastinate_workers default values;
select is(pg_temp.advice('^worker$'), null, 'advise: a running worker gets no advice');
insert into procrastinate.procrastinate_jobs (queue_name, task_name, status)
values ('default', 'send', 'failed');
select is(pg_temp.advice('^dead jobs$'), 'warning', 'advise: a dead job is a warning');
insert into procrastinate.procrastinate_jobs (queue_name, task_name, scheduled_at)
values ('default', 'send', now() - interval '6 minutes');
select is(pg_temp.advice('^queue$'), 'warning',
    'advise: a job that has been due for more than five minutes is a warning');
rollback to intact;
alter role telemed_api reset statement_timeout;
select is(pg_temp.advice('^role telemed_api'), 'warning',
    'advise: a role telemed_api without statement_timeout is a warning');
alter role telemed_api set statement_timeout = '0';
select is(pg_temp.advice('^role telemed_api'), 'warning',
    'advise: a role telemed_api with statement_timeout = 0 is a warning');
alter role telemed_api bypassrls;
select is(pg_temp.advice('^role telemed_api'), 'danger, warning',
    'advise: a role telemed_api that bypasses row-level security is a danger');
rollback to intact;
select format('alter database %I reset log_parameter_max_length', current_database()) as reset \gset
:reset;
select is(pg_temp.advice('^database'), 'warning',
    'advise: a database whose parameters can be logged is a warning');
rollback to intact;
select format('grant connect on database %I to public', current_database()) as open \gset
:open;
select is(pg_temp.advice('^invariant the_database_is_closed_to_public$'), 'warning',
    'advise: a database to which PUBLIC may connect is a warning');
rollback to intact;
revoke pg_read_all_data from telemed_backup;
select is(pg_temp.advice('^role telemed_backup'), 'warning',
    'advise: a role telemed_backup that cannot read the tables is a warning');
grant pg_read_all_data to telemed_backup;
alter role telemed_backup nobypassrls;
select is(pg_temp.advice('^role telemed_backup'), 'warning',
    'advise: a role telemed_backup that cannot read every row is a warning');
rollback to intact;
select ops.add_context_key(repeat(n::text, 40)) from generate_series(1, 3) as n \g /dev/null
select is(pg_temp.advice('^context keys'), 'warning',
    'advise: more than two context keys of the REST API are a warning');
rollback to intact;
select to_char(now() at time zone 'UTC', '"access_logs_"YYYY_MM') as present \gset
set local client_min_messages = error;
alter table app.access_logs detach partition app.:"present";
alter table app.:"present" rename to access_logs_elsewhere;
select (pg_temp.advice('^partition access_logs')) as advice \gset
rollback to intact;
select is(:'advice'::text, 'warning',
    'advise: a missing partition of the present month is a warning');
select format('alter table app.audit_logs detach partition app.audit_logs%s', to_char(
    date_trunc('month', now() at time zone 'UTC') + interval '1 month', '_YYYY_MM')) as detach \gset
set local client_min_messages = error;
:detach;
select format('drop table app.audit_logs%s', to_char(
    date_trunc('month', now() at time zone 'UTC') + interval '1 month', '_YYYY_MM')) as detach \gset
:detach;
select is(pg_temp.advice('^partition'), 'warning',
    'advise: a missing partition of the next month is a warning');
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
values (date_trunc('month', now(), 'UTC') + interval '1 month', 'charts', 'c', 'INSERT', '{}');
select is(
    pg_temp.advice('^partition audit_logs_default'), 'warning',
    'advise: rows in the default partition are a warning');
rollback to intact;
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
values (clock_timestamp() - interval '61 minutes', 'charts', 'c', 'INSERT', '{}'),
    (clock_timestamp(), 'charts', 'c', 'INSERT', '{}');
select is(
    pg_temp.advice('^audit log'), 'warning',
    'advise: audit rows that are not sealed within an hour are a warning');
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select is(pg_temp.advice('^audit log'), null, 'advise: a sealed audit log gets no advice');
alter table app.payments disable trigger payments_stay_within_bounds;
select is(
    pg_temp.advice('^invariant every_trigger'), 'warning',
    'advise: a violated invariant is a warning');
insert into app.invariant_findings (name, violations, examples, made_from_at, found_at)
values ('no_slot_is_open_within_time_off', 2, '{a,b}', '2026-01-01', '2026-01-01 08:00+00'),
    ('a_rule_that_was_renamed', 2, '{a,b}', '2026-01-01', '2026-01-01');
select results_eq(
    $$ select a.found from ops.advise() as a where a.subject like 'invariant no_slot%' $$,
    array['2 violations, found at 2026-01-01 08:00 UTC'],
    'advise: an invariant that was found violated once is a warning until it is found repaired');
select is(pg_temp.advice('^invariant a_rule_that_was_renamed'), null,
    'advise: an invariant that does not exist any more gets no advice');
alter sequence app.access_logs_id_seq maxvalue 1000 restart 900;
select nextval('app.access_logs_id_seq') \g /dev/null
select is(pg_temp.advice('^sequence'), 'danger',
    'advise: a sequence that is used to more than 80 % is a danger');
rollback to intact;

-- The horizon of those who read events in order
select is(pg_temp.advice('^events$'), null,
    'advise: events of an open transaction that is young get no advice');
insert into app.events (occurred_at, type)
values (clock_timestamp() - interval '6 minutes', 'account.created');
create function pg_temp.process() returns integer language sql
as $$
    select l.pid from pg_locks as l
    where l.locktype = 'transactionid'
      and l.transactionid = pg_snapshot_xmin(pg_current_snapshot())::xid
      and l.granted and l.mode = 'ExclusiveLock'
$$;
select matches(
    (select concat_ws(' | ', a.severity, a.found, a.advice)
     from ops.advise() as a where a.subject = 'events'),
    format(
        '^warning \| readers have waited since \S+ \S+ UTC for the transaction of process %s \(.*'
        'has been open for .* pg_terminate_backend\(%s\)', pg_temp.process(), pg_temp.process()),
    'advise: a transaction that keeps events from their readers is named, with what to do');
update app.event_origin set first_id = nextval('app.events_id_seq');
select is(pg_temp.advice('^events$'), null,
    'advise: events of before a restore wait for no transaction');
rollback to intact;

set local role telemed_auditor;
select throws_ok('select ops.advise()', '42501', null, 'advise: an auditor cannot call it');
set local role telemed_api;
select throws_ok('select ops.advise()', '42501', null, 'advise: the REST API cannot call it');

select * from finish();
rollback;
