begin;
\ir ../helpers/actors.psql
select plan(16);
reset role;

create function pg_temp.figure(p_figure text, p_subject text default '')
returns double precision language sql
as $$
    select f.value from ops.database_figures() as f
    where f.figure = p_figure and f.subject = p_subject
$$;
-- Whether a lag began 90 seconds before this transaction.
create function pg_temp.is_since_90_seconds(p_seconds double precision)
returns boolean language sql
as $$
    select p_seconds between 90 and 91 + extract(epoch from clock_timestamp() - now())
$$;

select ops.seal_audit(10000000, '1 minute') \g /dev/null
select is(pg_temp.figure('audit_seal_lag_seconds'), 0::double precision,
    'database_figures: the seals do not lag if every row is sealed');
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
values (now() - interval '90 seconds', 'charts', 'c-1', 'INSERT', '{}'),
    (now(), 'charts', 'c-2', 'INSERT', '{}');
select ok(pg_temp.is_since_90_seconds(pg_temp.figure('audit_seal_lag_seconds')),
    'database_figures: the seals lag by the age of the oldest row that is not sealed');

-- The transaction of this test is open, so it holds back its own events.
set local session_replication_role = replica;
delete from app.events;
select is(pg_temp.figure('events_lag_seconds'), 0::double precision,
    'database_figures: events do not lag if none is held back');
insert into app.events (occurred_at, type)
values (now() - interval '90 seconds', 'slot.opened'), (now(), 'slot.opened');
select ok(pg_temp.is_since_90_seconds(pg_temp.figure('events_lag_seconds')),
    'database_figures: events lag by the age of the oldest one that is held back');
update app.events set transaction_id = '3';
select is(pg_temp.figure('events_lag_seconds'), 0::double precision,
    'database_figures: an event that readers get does not lag');
set local session_replication_role = origin;

select is(pg_temp.figure('database_connections'),
    (select count(*) from pg_stat_activity where datid is not null)::double precision,
    'database_figures: it counts the sessions of all databases');
select is(pg_temp.figure('database_connections_limit'),
    current_setting('max_connections')::double precision,
    'database_figures: it has the largest number of sessions');
select is(pg_temp.figure('database_transaction_age'),
    (select max(age(datfrozenxid)) from pg_database)::double precision,
    'database_figures: it has the age of the oldest database');
select ok(pg_temp.figure('database_size_bytes') > 1000000,
    'database_figures: it has the size of the database');

-- This session, which holds the slot, confirms nothing.
select pg_create_physical_replication_slot('figures', true, true) \g /dev/null
select pg_logical_emit_message(false, 'figures', repeat('x', 100000)) \g /dev/null
select ok(
    pg_temp.figure('replication_slot_lag_bytes', 'figures') >= 100000
    and pg_temp.figure('replication_slot_active', 'figures') = 1,
    'database_figures: a replication slot lags by the WAL that its receiver has not confirmed');

select is(pg_temp.figure('invariant_violations', 'one_is_one'), null,
    'database_figures: an invariant without violations has no figure');
insert into app.invariant_findings (name, violations, examples, made_from_at)
values ('one_is_one', 3, '{}', now());
select is(pg_temp.figure('invariant_violations', 'one_is_one'), 3::double precision,
    'database_figures: it has the violations that were found');

select is((select count(*) from ops.database_figures() as f where f.figure = 'backup_age_seconds'),
    0::bigint, 'database_figures: without a backup there is no age of one');
insert into app.backups (method, finished_at)
values ('pg_dump', now() - interval '1 day'), ('pgbackrest', now() - interval '90 seconds');
select ok(pg_temp.is_since_90_seconds(pg_temp.figure('backup_age_seconds', 'pgbackrest')),
    'database_figures: it has the age and the program of the newest backup');

set local role telemed_worker;
select is(
    (select count(*) from work.database_figures() as f where f.subject = ''), 6::bigint,
    'database_figures: the worker gets the same figures');
set local role telemed_api;
select throws_ok('select ops.database_figures()', '42501', null,
    'database_figures: the REST API cannot call it');

select * from finish();
rollback;
