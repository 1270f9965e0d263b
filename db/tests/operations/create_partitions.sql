begin;
\ir ../helpers/actors.psql
select plan(20);
set local role telemed_dba;
select is_empty('select ops.create_partitions()',
    'create_partitions: a deployment has created the partitions of the default months');
select results_eq(
    'select ops.create_partitions(4)',
    $$ select t.name || to_char(
           date_trunc('month', now() at time zone 'UTC') + interval '4 months', '_YYYY_MM')
       from (values ('access_logs'), ('audit_logs'), ('events')) as t (name) $$,
    'create_partitions: one more month adds one partition to each log and to the events');
select is_empty('select ops.create_partitions(4)',
    'create_partitions: a repeated call creates nothing');

-- Rows in the default partition
reset role;
create temp table spilt (n integer, id bigint, row_hash bytea);
create function pg_temp.spill(p_n integer, p_months integer)
returns void language sql
as $$
    with written as (
        insert into app.audit_logs (occurred_at, table_name, row_id, operation, new)
        values (date_trunc('month', now(), 'UTC') + make_interval(months => p_months),
            'charts', 'c-1', 'INSERT', '{}')
        returning id, row_hash)
    insert into spilt select p_n, w.id, w.row_hash from written as w
$$;
select pg_temp.spill(1, -2) \g /dev/null
select pg_temp.spill(2, 6) \g /dev/null
select pg_temp.spill(3, 60) \g /dev/null
insert into app.audit_logs (occurred_at, table_name, row_id, operation, new, row_hash)
values (date_trunc('month', now(), 'UTC') + interval '7 months', 'charts', 'forged', 'INSERT', '{}',
    sha256('forged'));
select is(count(*), 4::bigint,
    'create_partitions: rows of months without a partition are in the default partition')
from app.audit_logs_default;
insert into app.access_logs (occurred_at, kind, operation)
values (date_trunc('month', now(), 'UTC') - interval '1 month', 'act_as', 'act_as');
set local role telemed_dba;
select results_eq(
    'select ops.create_partitions(6)',
    $$ select t.name || to_char(
           date_trunc('month', now() at time zone 'UTC') + make_interval(months => t.n), '_YYYY_MM')
       from (values ('access_logs', -1), ('access_logs', 5), ('access_logs', 6)) as t (name, n)
       union all select 'access_logs_default'
       union all
       select t.name || to_char(
           date_trunc('month', now() at time zone 'UTC') + make_interval(months => t.n), '_YYYY_MM')
       from (values ('audit_logs', -2), ('audit_logs', -1), ('audit_logs', 5), ('audit_logs', 6))
           as t (name, n)
       union all select 'audit_logs_default'
       union all
       select 'events' || to_char(
           date_trunc('month', now() at time zone 'UTC') + make_interval(months => n), '_YYYY_MM')
       from unnest(array[5, 6]) as n $$,
    'create_partitions: rows in the default partition get their months and a new default '
    'partition');
reset role;
select results_eq(
    'select s.n from spilt as s right join app.audit_logs_default as l on l.id = s.id order by l.id',
    array[3, null],
    'create_partitions: rows of months further ahead stay in the default partition');
select is_empty('select * from app.access_logs_default',
    'create_partitions: the default partition of the access log is empty after the call');
select is_empty(
    $$
    select s.n from spilt as s
    left join app.audit_logs as l on l.id = s.id and l.row_hash = s.row_hash
    where l.id is null or l.row_hash <> app.audit_row_hash(l)
    $$,
    'create_partitions: no row is lost and each keeps its hash');
select is(l.row_hash, sha256('forged'), 'create_partitions: a moved row keeps a wrong hash')
from app.audit_logs as l where l.row_id = 'forged';
select throws_ok(
    format('delete from app.audit_logs where id = %s', s.id), 'TM912', null,
    'create_partitions: a moved row cannot be deleted')
from spilt as s where s.n = 1;
select throws_ok('truncate app.audit_logs', 'TM912', null,
    'create_partitions: the audit log cannot be truncated after the move');
select is_empty(
    $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r'
      and c.relname ~ 'logs_(default|spilt|[0-9_]+)$'
      and not (c.relispartition and c.relrowsecurity and c.relforcerowsecurity
               and c.relowner = 'telemed_owner'::regrole)
    $$,
    'create_partitions: each partition is attached, has forced row-level security and the right '
    'owner');

-- After a long time without a call, such as the restore of an old dump
set local role telemed_owner;
create table app.notes (occurred_at timestamptz) partition by range (occurred_at);
select app.create_partition('notes') \g /dev/null
create table app.notes_archive partition of app.notes for values from (minvalue) to ('2001-01-01');
select app.create_partition('notes', (date_trunc('month', now() at time zone 'UTC')
    - interval '3 months')::date) \g /dev/null
set local role telemed_dba;
select results_eq(
    $$ select n from ops.create_partitions(0) as n where n like 'notes%' $$,
    $$ select 'notes' || to_char(
           date_trunc('month', now() at time zone 'UTC') + make_interval(months => n), '_YYYY_MM')
       from generate_series(-2, 0) as n $$,
    'create_partitions: it goes on after the newest partition, without a gap');
reset role;
drop table app.notes;

-- A table that is partitioned by its id, with a month in the default partition
set local role telemed_owner;
create table app.steps (id uuid primary key) partition by range (id);
select app.create_partition('steps') \g /dev/null
reset role;
insert into app.steps
select app.first_id_since(date_trunc('month', now(), 'UTC') + interval '1 month' + v.into_month)
from (values (interval '0'), (interval '27 days')) as v (into_month);
set local role telemed_dba;
select results_eq(
    $$ select n from ops.create_partitions(2) as n where n like 'steps%' $$,
    $$ select 'steps' || to_char(
           date_trunc('month', now() at time zone 'UTC') + make_interval(months => n), '_YYYY_MM')
       from unnest(array[0, 2]) as n $$,
    'create_partitions: it skips a month of a table partitioned by id that the default partition '
    'has'
    'partition');
select is_empty(
    $$ select n from ops.create_partitions(2) as n where n like 'steps%' $$,
    'create_partitions: a repeated call creates nothing for a table that is partitioned by id');
reset role;
select results_eq(
    'select count(*) from app.steps_default', array[2::bigint],
    'create_partitions: rows of a table that is partitioned by id stay in the default partition');

set local role telemed_dba;
select throws_ok(format('select ops.create_partitions(%s)', v.months), 'TM201', null, v.sentence)
from (values
    ('-1',
     'create_partitions: a negative number of months is '
     'refused'), ('121', 'create_partitions: 121 months are refused'),
    ('null', 'create_partitions: a null number of months is refused')) as v (months, sentence);
set local role telemed_api;
select throws_ok('select ops.create_partitions()', '42501', null,
    'create_partitions: the REST API cannot call it');

select * from finish();
rollback;
