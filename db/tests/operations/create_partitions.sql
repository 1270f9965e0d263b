begin;
\ir ../helpers/actors.psql
select plan(19);
set local role telemed_dba;
select is_empty('select ops.create_partitions()', 'the months ahead are there after a deployment');
select results_eq(
    'select ops.create_partitions(4)',
    $$ select t.name || to_char(
           date_trunc('month', now() at time zone 'UTC') + interval '4 months', '_YYYY_MM')
       from (values ('access_logs'), ('audit_logs')) as t (name) $$,
    'one more month is one more partition of each log');
select is_empty('select ops.create_partitions(4)', 'which is made once');

-- Somebody has forgotten to call it
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
select is(count(*), 4::bigint, 'rows of other months go to the default partition')
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
       union all select 'audit_logs_default' $$,
    'they get their months, and the default partition is made anew');
reset role;
select results_eq(
    'select s.n from spilt as s right join app.audit_logs_default as l on l.id = s.id order by l.id',
    array[3, null], 'where only what lies further ahead is left');
select is_empty('select * from app.access_logs_default', 'or nothing');
select is_empty(
    $$
    select s.n from spilt as s
    left join app.audit_logs as l on l.id = s.id and l.row_hash = s.row_hash
    where l.id is null or l.row_hash <> app.audit_row_hash(l)
    $$,
    'no row is lost, and each has the hash that it had');
select is(l.row_hash, sha256('forged'), 'also one that is wrong: moving a row hides nothing')
from app.audit_logs as l where l.row_id = 'forged';
select throws_ok(
    format('delete from app.audit_logs where id = %s', s.id), 'TM912', null,
    'rows that have moved are as permanent as before')
from spilt as s where s.n = 1;
select throws_ok('truncate app.audit_logs', 'TM912', null, 'so are all of them');
select is_empty(
    $$
    select c.oid::regclass from pg_class as c
    where c.relnamespace = 'app'::regnamespace and c.relkind = 'r'
      and c.relname ~ 'logs_(default|spilt|[0-9_]+)$'
      and not (c.relispartition and c.relrowsecurity and c.relforcerowsecurity
               and c.relowner = 'telemed_owner'::regrole)
    $$,
    'every partition is attached, and as closed as the first');

-- A table that is partitioned by its id, and a month that was forgotten
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
    'a table that is partitioned by its id has the months ahead made, too');
select is_empty(
    $$ select n from ops.create_partitions(2) as n where n like 'steps%' $$, 'once');
reset role;
select results_eq(
    'select count(*) from app.steps_default', array[2::bigint],
    'what others may refer to stays where it has gone');

set local role telemed_dba;
select throws_ok(format('select ops.create_partitions(%s)', v.months), 'TM201', null, v.sentence)
from (values
    ('-1', 'none is made for the past'), ('121', 'nor for the next generation'),
    ('null', 'nor for who knows how long')) as v (months, sentence);
set local role telemed_api;
select throws_ok('select ops.create_partitions()', '42501', null, 'the REST API makes none');

select * from finish();
rollback;
