begin;
\ir ../helpers/actors.psql
select plan(26);
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
    'advice says how grave it is, about what, what was found, and what to do');
select is_empty(
    $$ select subject from ops.advise() where subject !~ '^(setting|extension|table|connections|time zone)' $$,
    'a new database has nothing but settings, tables and time zones that could be better');
select is(pg_temp.advice('pg_stat_statements'), 'hint', 'statements are not counted here');

-- Settings that this session, or the throw-away server, has
reset role;
set local synchronous_commit = off;
set local random_page_cost = 4;
select is(pg_temp.advice('setting ' || v.name || '$'), v.severity, v.sentence)
from (values
    ('synchronous_commit', 'danger', 'a commit that does not wait for the disk is a danger'),
    ('random_page_cost', 'hint', 'disks that turn are rare'),
    ('autovacuum', null, 'what is right is not mentioned'),
    ('server_encoding', null, 'nor is UTF-8')) as v (name, severity, sentence);
set local random_page_cost = 2;
select is(pg_temp.advice('setting random_page_cost$'), null, 'two is for disks between');
set local random_page_cost = 2.5;
select is(pg_temp.advice('setting random_page_cost$'), 'hint', 'more is not');
set local synchronous_commit = remote_apply;
set local random_page_cost = 1.1;
select is(
    pg_temp.advice('setting (synchronous_commit|random_page_cost)$'), null,
    'neither is what was mended');

-- What is wrong with the data
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
     'UTC -03:00, by release 2025b, '),
    ('warning', 'time zone Moon/Tycho', 'not there, by PostgreSQL''s time zone data 2025a',
     'UTC 01:00, by release 2025c, w') $$,
    'a law that PostgreSQL does not know is a warning, with the zone and both offsets');
select is(pg_temp.advice('^slots of time zone'), null, 'slots are where clocks show them');
insert into app.availability_slots (doctor_id, starts_at, ends_at, starts_at_local, time_zone)
values (pg_temp.id_of('doctor'), '2027-06-01 09:00+00', '2027-06-01 10:00+00',
    '2027-06-01 09:00', 'Europe/Berlin');
select is(
    (select a.found from ops.advise() as a where a.subject = 'slots of time zone Europe/Berlin'),
    '1 at another time than clocks will show, 0 of them booked', 'those that are not are a warning');
rollback to intact;
alter role telemed_api reset statement_timeout;
select is(pg_temp.advice('^role telemed_api'), 'warning', 'an API without limits is a warning');
alter role telemed_api set statement_timeout = '0';
select is(pg_temp.advice('^role telemed_api'), 'warning', 'so is one whose limit is none');
alter role telemed_api bypassrls;
select is(pg_temp.advice('^role telemed_api'), 'danger, warning',
    'one that no rule holds for is a danger');
rollback to intact;
select ops.add_context_key(repeat(n::text, 40)) from generate_series(1, 3) as n \g /dev/null
select is(pg_temp.advice('^context keys'), 'warning', 'so are keys that nobody needs any more');
rollback to intact;
select to_char(now() at time zone 'UTC', '"access_logs_"YYYY_MM') as present \gset
set local client_min_messages = error;
alter table app.access_logs detach partition app.:"present";
alter table app.:"present" rename to access_logs_elsewhere;
select (pg_temp.advice('^partition access_logs')) as advice \gset
rollback to intact;
select is(:'advice'::text, 'warning', 'the present month is missed as well');
select format('alter table app.audit_logs detach partition app.audit_logs%s', to_char(
    date_trunc('month', now() at time zone 'UTC') + interval '1 month', '_YYYY_MM')) as detach \gset
set local client_min_messages = error;
:detach;
select format('drop table app.audit_logs%s', to_char(
    date_trunc('month', now() at time zone 'UTC') + interval '1 month', '_YYYY_MM')) as detach \gset
:detach;
select is(pg_temp.advice('^partition'), 'warning', 'a month that is not prepared is a warning');
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
values (date_trunc('month', now(), 'UTC') + interval '1 month', 'charts', 'c', 'INSERT', '{}');
select is(
    pg_temp.advice('^partition audit_logs_default'), 'warning', 'even more so when it has come');
rollback to intact;
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
values (clock_timestamp() - interval '61 minutes', 'charts', 'c', 'INSERT', '{}'),
    (clock_timestamp(), 'charts', 'c', 'INSERT', '{}');
select is(
    pg_temp.advice('^audit trail'), 'warning', 'a trail that is not sealed within the hour is a warning');
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select is(pg_temp.advice('^audit trail'), null, 'until it is');
alter table app.payments disable trigger payments_stay_within_bounds;
select is(
    pg_temp.advice('^invariant every_trigger'), 'warning', 'a rule that is broken is a warning');
alter sequence app.access_logs_id_seq maxvalue 1000 restart 900;
select nextval('app.access_logs_id_seq') \g /dev/null
select is(pg_temp.advice('^sequence'), 'danger', 'numbers that run out are a danger');
rollback to intact;

set local role telemed_auditor;
select throws_ok('select ops.advise()', '42501', null, 'an auditor is not advised');
set local role telemed_api;
select throws_ok('select ops.advise()', '42501', null, 'nor is the REST API');

select * from finish();
rollback;
