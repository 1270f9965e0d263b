begin;
select plan(8);

create temp table made on commit drop as
select n, app.uuid_v7() as id from generate_series(1, 2000) as n;

select is_empty(
    $$
    select id from made
    where id::text !~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'
    $$,
    'uuid_v7: an id has version 7 and the variant of RFC 9562');
select is((select count(distinct id) from made), 2000::bigint,
    'uuid_v7: no two of 2000 ids are equal');

create function pg_temp.time_of(p_id uuid)
returns timestamptz language sql
as $$
    select to_timestamp(('x' || left(replace(p_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

select cmp_ok(
    (select max(abs(extract(epoch from clock_timestamp() - pg_temp.time_of(id)))) from made),
    '<', 60::numeric, 'uuid_v7: an id begins with the time at which it was made');
select is_empty(
    $$
    select b.id from made as a inner join made as b on b.n = a.n + 1
    where pg_temp.time_of(b.id) < pg_temp.time_of(a.id)
    $$,
    'uuid_v7: the times of successive ids never run backwards');

select app.uuid_v7() as earlier \gset
select pg_sleep(0.002) \g /dev/null
select cmp_ok(app.uuid_v7(), '>', :'earlier'::uuid,
    'uuid_v7: a later id sorts after an earlier one');
select cmp_ok(
    (select count(distinct right(id::text, 12)) from made), '=', 2000::bigint,
    'uuid_v7: the last 48 bits of 2000 ids all differ');

select cmp_ok(
    app.time_of_id(app.uuid_v7()), '>', clock_timestamp() - interval '1 minute',
    'time_of_id: the answer is the time at which the id was made');
select is(
    app.time_of_id('019b8a6a-8a00-7fff-bfff-ffffffffffff'), '2026-01-04 19:09:56.608+00',
    'time_of_id: the answer is exact to the millisecond');

select * from finish();
rollback;
