begin;
select plan(8);

-- As the library leaves its tables. In a subtransaction, because the locks would keep others waiting.
savepoint before;
do $$
declare
    v_function regprocedure;
begin
    for v_function in
        select p.oid::regprocedure from pg_proc as p
        where p.pronamespace = 'procrastinate'::regnamespace and p.prokind = 'f'
    loop
        execute format('alter function %s reset all', v_function);
    end loop;
end;
$$;
alter table procrastinate.procrastinate_jobs enable trigger user;
comment on schema procrastinate is null;
select app.adapt_queue('99.01.01_01_test') \g /dev/null
select is(app.queue_migration(), '99.01.01_01_test',
    'adapt_queue: it remembers the last migration of the library');
select is_empty(
    $$
    select p.oid::regprocedure from pg_proc as p
    where p.pronamespace = 'procrastinate'::regnamespace
      and 'search_path=pg_catalog, procrastinate, pg_temp' <> all (coalesce(p.proconfig, '{}'))
    $$,
    'adapt_queue: every function of the library finds its tables by its own search_path');
select is(
    bool_and((
        p.proconfig @> '{enable_bitmapscan=off,enable_hashjoin=off,enable_mergejoin=off,'
            'enable_seqscan=off,enable_sort=off}'
    ) = (p.proname ~ '^procrastinate_fetch_job')),
    true, 'adapt_queue: jobs are fetched by indexes; other functions keep their plans')
from pg_proc as p where p.pronamespace = 'procrastinate'::regnamespace;
select is(
    (select array_agg(t.tgname::text order by t.tgname) from pg_trigger as t
     where t.tgrelid = 'procrastinate.procrastinate_jobs'::regclass and t.tgenabled = 'D'),
    '{procrastinate_jobs_notify_queue_job_inserted_v1,procrastinate_trigger_scheduled_events_v1,'
    'procrastinate_trigger_status_events_insert_v1}',
    'adapt_queue: a new job sends no notification and has no history yet; no other trigger is '
    'disabled');
rollback to before;

-- As scripts/deploy.sh leaves them
select is(
    (select array_agg(t.tgname::text order by t.tgname) from pg_trigger as t
     where t.tgrelid = 'procrastinate.procrastinate_jobs'::regclass and t.tgenabled = 'D'),
    '{procrastinate_jobs_notify_queue_job_inserted_v1,procrastinate_trigger_scheduled_events_v1,'
    'procrastinate_trigger_status_events_insert_v1}',
    'adapt_queue: a deployment has called it');
select matches(
    app.queue_migration(), '^[0-9]{2}\.[0-9]{2}\.[0-9]{2}_[0-9]{2}_',
    'queue_migration: the last migration of the library is known');

-- A worker keeps the plan that it has made for a queue which was long and is empty. Then many jobs
-- with locks come again, and no statistics tell of them: not even those of an autovacuum that has found
-- the table empty. They have the highest priority: a fetch also reads jobs before them that other
-- sessions have not committed.
create function pg_temp.enqueue() returns bigint language sql as $$
    select count(app.enqueue_job('test', '{}', 'lock ' || n % 1000, null, 1000))
    from generate_series(1, 3000) as n
$$;
savepoint before;
select pg_temp.enqueue() \g /dev/null
rollback to before;
update pg_class set relpages = 0, reltuples = -1
where oid = 'procrastinate.procrastinate_jobs'::regclass
   or oid in (select indexrelid from pg_index
              where indrelid = 'procrastinate.procrastinate_jobs'::regclass);
insert into procrastinate.procrastinate_workers default values returning id as worker \gset
select (procrastinate.procrastinate_fetch_job_v2(null, :worker)).id
from generate_series(1, 10) \g /dev/null
select pg_temp.enqueue() \g /dev/null
create function pg_temp.blocks_read() returns bigint language sql as $$
    select sum(pg_stat_get_xact_blocks_fetched(x))
    from (
        select 'procrastinate.procrastinate_jobs'::regclass as x
        union all
        select i.indexrelid from pg_index as i
        where i.indrelid = 'procrastinate.procrastinate_jobs'::regclass) as relations
$$;
select pg_temp.blocks_read() as before \gset
select (procrastinate.procrastinate_fetch_job_v2(null, :worker)).id \g /dev/null
select cmp_ok(
    pg_temp.blocks_read() - :before, '<', 200::bigint,
    'adapt_queue: to fetch one of 3,000 jobs with locks, a worker does not read the others');

set local role telemed_worker;
select is(
    work.queue_migration() is not null, true, 'queue_migration: the worker can ask for it');

select * from finish();
rollback;
