begin;
\ir ../helpers/one_at_a_time.psql
select plan(24);
set local client_min_messages = warning;

set local role telemed_owner;
create table app.moves (
    occurred_at timestamptz not null, what text not null,
    constraint moves_are_not_empty check (what <> '')
) partition by range (occurred_at);
alter table app.moves enable row level security;
alter table app.moves force row level security;
create policy moves_are_there on app.moves to telemed_internal using (true);
grant all on app.moves to telemed_internal;
select is(app.create_partition('moves', '2030-02-01'), 'moves_2030_02',
    'create_partition: the partition of a month is named after the month');
select is(app.create_partition('moves'), 'moves_default',
    'create_partition: the partition for all other rows is named default');
select throws_ok(
    $$ select app.create_partition('moves', '2030-02-01') $$, '42P07', null,
    'create_partition: a second partition for the same month is refused');

set local role telemed_internal;
insert into app.moves values
('2030-01-31 23:59:59.999999+00', 'before'), ('2030-02-01 00:00:00+00', 'first'),
('2030-02-28 23:59:59.999999+00', 'last'), ('2030-03-01 00:00:00+00', 'after');
select results_eq(
    'select what from app.moves_2030_02 order by occurred_at', array['first', 'last'],
    'create_partition: a month begins and ends at midnight UTC');
select results_eq(
    'select what from app.moves_default order by occurred_at', array['before', 'after'],
    'create_partition: rows outside every month are in the default partition');
set local timezone = 'Asia/Tokyo';
reset role;
set local role telemed_owner;
select is(
    app.create_partition('moves', '2031-02-01'), 'moves_2031_02',
    'create_partition: a session in another time zone can create a month');
set local timezone = 'UTC';
select is(
    (select pg_get_expr(c.relpartbound, c.oid) from pg_class as c
     where c.oid = 'app.moves_2031_02'::regclass),
    $$FOR VALUES FROM ('2031-02-01 00:00:00+00') TO ('2031-03-01 00:00:00+00')$$,
    'create_partition: the bounds of a month do not depend on the time zone of the session');
select throws_ok(
    $$ select app.create_partition('moves', '2031-02-02') $$, '42P07', null,
    'create_partition: a month that begins in the middle of another one is refused');

-- A partition by itself is closed
select is_empty('select * from app.moves_2030_02',
    'create_partition: the owner sees no row in a partition by itself');
select throws_ok(
    $$ insert into app.moves_2030_02 values ('2030-02-02', 'x') $$, '42501', null,
    'create_partition: the owner cannot insert into a partition by itself');
select throws_ok('truncate app.moves_2030_02', 'TM912', null,
    'create_partition: the partition of a month cannot be truncated');
select throws_ok('truncate app.moves_default', 'TM912', null,
    'create_partition: the default partition cannot be truncated');
set local role telemed_internal;
select throws_ok(
    $$ insert into app.moves values ('2030-02-02', '') $$, '23514', null,
    'create_partition: the constraints of the table hold in a partition');
reset role;
select results_eq(
    $$ select obj_description('app.moves_2030_02'::regclass) $$,
    $$ values ('Rows of app.moves of 2030-02 (UTC).') $$,
    'create_partition: the comment on a partition says which rows it has');

-- Partitions by id
set local role telemed_owner;
create table app.steps (id uuid primary key, what text) partition by range (id);
grant all on app.steps to telemed_internal;
select ok(app.is_partitioned_by_id('steps'),
    'is_partitioned_by_id: the answer is true for a table that is partitioned by its id');
select ok(
    not app.is_partitioned_by_id(t.name),
    'is_partitioned_by_id: the answer is false for app.' || t.name)
from (values ('moves'), ('doctors')) as t (name);
select is(app.create_partition('steps', '2030-02-01'), 'steps_2030_02',
    'create_partition: a table that is partitioned by its id can have a partition for a month');
select is(app.create_partition('steps'), 'steps_default',
    'create_partition: a table that is partitioned by its id can have a default partition');
set local role telemed_internal;
insert into app.steps
select app.first_id_since(v.at), v.what
from (values ('2030-02-01 00:00:00+00'::timestamptz, 'first'), ('2030-02-28 23:59:59.999+00', 'last'),
    ('2030-01-31 23:59:59.999+00', 'before'), ('2030-03-01 00:00:00+00', 'after')) as v (at, what);
select results_eq(
    'select what from app.steps_2030_02 order by id', array['first', 'last'],
    'create_partition: a partition by id has the identifiers of its month');
select results_eq(
    'select what from app.steps_default order by id', array['before', 'after'],
    'create_partition: identifiers of other months are in the default partition');
reset role;

-- The logs and the events
select is(
    (select array_agg(c.relname::text order by c.relname)
     from pg_partitioned_table as p
     inner join pg_class as c on c.oid = p.partrelid
     where c.relnamespace = 'app'::regnamespace and c.relname not in ('moves', 'steps')),
    '{access_logs,audit_logs,events}',
    'The audit log, the access log and the events are partitioned by month');
select is_empty(
    $$
    select t.name || m.suffix
    from unnest('{audit_logs,access_logs,events}'::text[]) as t (name)
    cross join (
        select to_char(now() at time zone 'UTC' + n * interval '1 month', '_YYYY_MM') as suffix
        from generate_series(0, 3) as n
        union all
        select '_default') as m
    where to_regclass('app.' || t.name || m.suffix) is null
    $$,
    'The logs and the events have partitions from this month to three months ahead, and a default one');
select is_empty(
    $$
    select c.oid::regclass from pg_class as c
    where c.relispartition and c.relkind = 'r' and c.relnamespace = 'app'::regnamespace
      and not (c.relrowsecurity and c.relforcerowsecurity)
    $$,
    'Row-level security is forced on every partition');

select * from finish();
rollback;
