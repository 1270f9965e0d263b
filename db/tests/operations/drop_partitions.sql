begin;
\ir ../helpers/actors.psql
select plan(34);
reset role;
set local role telemed_dba;
select ops.seal_audit(10000000, '1 minute') \g /dev/null
reset role;

-- Logs of past months
create function pg_temp.write(p_months integer)
returns void language sql
as $$
    with month as (
        select date_trunc('month', now(), 'UTC') - make_interval(months => p_months) as m),
    written as (
        insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
        select m, 'charts', 'c-' || p_months, 'INSERT', '{}' from month
        returning id)
    insert into app.access_logs (occurred_at, kind, operation)
    select m, 'act_as', 'act_as' from month, written
$$;
set local role telemed_owner;
select app.create_partition(t.name, (date_trunc('month', now() at time zone 'UTC')
    - make_interval(months => n))::date) is null
from unnest('{audit_logs,access_logs}'::text[]) as t (name)
cross join (values (3), (2), (1)) as m (n) \g /dev/null
reset role;
select pg_temp.write(3) \g /dev/null
select pg_temp.write(2) \g /dev/null

create function pg_temp.months_of(p_table text)
returns integer language sql security definer
as $$
    select count(*)::integer from pg_inherits as i
    where i.inhparent = to_regclass('app.' || p_table)
$$;
select pg_temp.months_of('audit_logs') as months \gset

set local role telemed_dba;
select is_empty(
    $$ select ops.drop_partitions('audit_logs') $$,
    'drop_partitions: by default no partition younger than six years is dropped');
select throws_ok(
    $$ select ops.drop_partitions('audit_logs', '2 months') $$, 'TM922', null,
    'drop_partitions: a month with rows that are not sealed is refused');
select is(pg_temp.months_of('audit_logs'), :months,
    'drop_partitions: a refused call drops no partition');
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select max(id) as seals from ops.audit_seals \gset
savepoint sealed;
reset role;
select pg_temp.write(2) \g /dev/null
set local role telemed_dba;
select count(*) as dropped from ops.drop_partitions('audit_logs', '2 months') \gset
rollback to sealed;
select is(:dropped, 1, 'drop_partitions: rows of later months need no seal');
select results_eq(
    $$ select ops.drop_partitions('audit_logs', '2 months') $$,
    $$ select 'audit_logs' || to_char(
           date_trunc('month', now() at time zone 'UTC') - interval '3 months', '_YYYY_MM') $$,
    'drop_partitions: a month is dropped if all of it is older than p_keep');
select is(pg_temp.months_of('audit_logs'), :months - 1,
    'drop_partitions: only the returned partition is dropped');
select collect_tap(
    is(s.kind, 'retirement', 'drop_partitions: a seal of the kind retirement is added'),
    is(s.month, (date_trunc('month', now() at time zone 'UTC') - interval '3 months')::date,
        'drop_partitions: the retirement has the month'),
    is(s.row_count, 1::bigint, 'drop_partitions: the retirement has the number of sealed rows'),
    is(s.rows_digest, encode(sha256(decode(r.hash, 'hex')), 'hex'),
        'drop_partitions: the retirement has the digest of the seals of the month'),
    is(s.after_id, s.last_id, 'drop_partitions: the retirement seals no rows itself'))
from ops.audit_seals as s
inner join ops.audit_seals as r on r.month = s.month and r.kind = 'rows'
where s.id = :seals + 1;
select is_empty('select * from ops.verify_audit()',
    'verify_audit: an audit log with a retired month has no problems');
reset role;
select pg_temp.write(1) \g /dev/null
set local role telemed_dba;
select ops.seal_audit(p_wait => '1 minute') \g /dev/null
select is_empty('select * from ops.verify_audit()',
    'verify_audit: an audit log with a seal after a retirement has no problems');

-- A month without rows
set local role telemed_owner;
select app.create_partition('audit_logs', '2001-02-01') \g /dev/null
set local role telemed_dba;
select results_eq(
    $$ select ops.drop_partitions('audit_logs') $$, array['audit_logs_2001_02'],
    'drop_partitions: a month without rows and seals is dropped');
select results_eq(
    $$ select row_count from ops.audit_seals where month = '2001-02-01' $$, array[0::bigint],
    'drop_partitions: the retirement of a month without rows has a row count of 0');
select is_empty('select * from ops.verify_audit()',
    'verify_audit: the retirement of a month without rows is not a problem');

-- A month that was dropped by hand
reset role;
select format('drop table app.audit_logs%s', to_char(
    date_trunc('month', now() at time zone 'UTC') - interval '2 months', '_YYYY_MM')) as forbidden \gset
savepoint before;
:forbidden;
select results_eq(
    'select problem from ops.verify_audit()', array['rows_differ'],
    'verify_audit: a month that was dropped by hand is a problem');
rollback to before;

-- The access log has no seals
set local role telemed_owner;
select app.create_partition('access_logs', (date_trunc('month', now() at time zone 'UTC')
    - make_interval(months => n))::date) is null
from (values (40), (39)) as m (n) \g /dev/null
reset role;
insert into app.access_logs (occurred_at, kind, operation)
select date_trunc('month', now(), 'UTC') - make_interval(months => 39), 'act_as', 'act_as';
set local role telemed_dba;
select throws_ok(
    format('select ops.drop_partitions(%L, %L)', 'access_logs', v.keep), 'TM201', null, v.sentence)
from (values
    ('35 months', 'drop_partitions: the access log is kept for three years'),
    ('1080 days', 'drop_partitions: a year of the access log has 365 days'),
    ('1 month', 'drop_partitions: the access log is kept longer than a month'))
    as v (keep, sentence);
select results_eq(
    $$ select ops.drop_partitions('access_logs', '36 months') $$,
    $$ select 'access_logs' || to_char(
           date_trunc('month', now() at time zone 'UTC') - n * interval '1 month', '_YYYY_MM')
       from generate_series(40, 39, -1) as n $$,
    'drop_partitions: months of the access log are dropped without seals, the oldest first');

-- Events
set local role telemed_owner;
select app.create_partition('events', (date_trunc('month', now() at time zone 'UTC')
    - make_interval(months => n))::date) is null
from (values (3), (2)) as m (n) \g /dev/null
reset role;
create function pg_temp.old_event(p_months integer, p_transaction_id xid8)
returns bigint language sql
as $$
    insert into app.events (occurred_at, transaction_id, type)
    values (date_trunc('month', now(), 'UTC') - make_interval(months => p_months), p_transaction_id,
        'account.created')
    returning id
$$;
select pg_temp.old_event(3, '8') as first_old \gset
select pg_temp.old_event(3, '5') as last_old \gset
select pg_temp.old_event(2, '7') as kept \gset
set local role telemed_dba;
select throws_ok(
    $$ select ops.drop_partitions('events', '29 days') $$, 'TM201', null,
    'drop_partitions: events are kept for 30 days');
select results_eq(
    $$ select ops.drop_partitions('events', '2 months') $$,
    $$ select 'events' || to_char(
           date_trunc('month', now() at time zone 'UTC') - interval '3 months', '_YYYY_MM') $$,
    'drop_partitions: a month of events is dropped');
reset role;
select results_eq(
    'select dropped_id, dropped_transaction_id from app.event_origin',
    format('values (%s::bigint, ''8''::xid8)', :last_old),
    'drop_partitions: the last event and the last transaction that were dropped are noted');
select is(
    (select e.id from app.events as e where e.id in (:first_old, :last_old, :kept)), :kept::bigint,
    'drop_partitions: events of later months stay');

-- A month of events that was dropped by hand
update app.event_origin
set drops = 1, first_month = date_trunc('month', now() at time zone 'UTC') - interval '6 months';
set local role telemed_dba;
select is_empty(
    $$ select ops.drop_partitions('events', '2 months') $$,
    'drop_partitions: a month of events that was dropped by hand is not there to be dropped');
reset role;
select results_eq(
    'select drops, first_month from app.event_origin',
    $$ select 2, (date_trunc('month', now() at time zone 'UTC') - interval '2 months')::date $$,
    'drop_partitions: it is noted');
set local role telemed_dba;
select ops.drop_partitions('audit_logs', '1 month') \g /dev/null
reset role;
select is((select o.first_month from app.event_origin as o),
    (date_trunc('month', now() at time zone 'UTC') - interval '2 months')::date,
    'drop_partitions: another table changes nothing about events');
set local role telemed_dba;

select is_empty(
    $$ select ops.drop_partitions('users', '0 days') $$,
    'drop_partitions: a table without monthly partitions loses nothing');
select throws_ok(
    format('select ops.drop_partitions(%L, %L)', 'access_logs', v.keep), 'TM201', null, v.sentence)
from (values
    ('-1 day', 'drop_partitions: a negative p_keep is refused'),
    (null, 'drop_partitions: a null p_keep is refused')) as v (keep, sentence);
set local role telemed_auditor;
select throws_ok(
    $$ select ops.drop_partitions('audit_logs') $$, '42501', null,
    'drop_partitions: an auditor cannot call it');
set local role telemed_api;
select throws_ok(
    $$ select ops.drop_partitions('audit_logs') $$, '42501', null,
    'drop_partitions: the REST API cannot call it');

savepoint unnamed;
reset role;
create table app.access_logs_archive partition of app.access_logs
for values from ('2001-01-01 00:00+00') to ('2001-01-02 00:00+00');
set local role telemed_dba;
select lives_ok($$ select ops.drop_partitions('access_logs', '10 years') $$,
    'drop_partitions: a partition without a month in its name is no obstacle');
rollback to unnamed;

select * from finish();
rollback;
