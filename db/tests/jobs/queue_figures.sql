begin;
select plan(5);

delete from procrastinate.procrastinate_jobs;
create function pg_temp.job(p_task text, p_status text, p_waits interval default null)
returns bigint language sql
as $$
    insert into procrastinate.procrastinate_jobs
        (queue_name, task_name, status, args, scheduled_at)
    values ('default', p_task, p_status::procrastinate.procrastinate_job_status, '{}',
        now() - p_waits)
    returning id
$$;
create function pg_temp.lag(p_task text) returns interval language sql
as $$ select f.lag from ops.queue_figures() as f where f.task = p_task $$;

select pg_temp.job('call', 'todo', '90 seconds'), pg_temp.job('call', 'todo', '0 seconds'),
    pg_temp.job('call', 'todo', '-40 seconds'), pg_temp.job('call', 'doing', '2 hours'),
    pg_temp.job('call', 'failed', '3 hours'), pg_temp.job('call', 'aborted', '3 hours') \g /dev/null
set local role telemed_internal;
select app.enqueue_job('call', '{}', p_at => now() + interval '1 day') \g /dev/null
reset role;
set local role telemed_dba;
select results_eq(
    $$ select task, due, later, running, dead, lag from ops.queue_figures() $$,
    $$ values ('call', 2::bigint, 2::bigint, 1::bigint, 2::bigint, interval '90 seconds') $$,
    'queue_figures: it counts the jobs of each task, and tells how long the oldest has waited');

select ops.retry_dead_jobs('call') \g /dev/null
reset role;
-- As if it had been repeated a minute ago; a job without a time would seem to wait for no time.
delete from procrastinate.procrastinate_jobs where scheduled_at <> now();
update procrastinate.procrastinate_jobs set scheduled_at = scheduled_at - interval '1 minute';
set local role telemed_dba;
select is(pg_temp.lag('call'), interval '1 minute',
    'queue_figures: a dead job that is repeated has waited since then');

reset role;
insert into procrastinate.procrastinate_periodic_defers (task_name, defer_timestamp, job_id)
select 'every', extract(epoch from now() - interval '2 minutes')::bigint, pg_temp.job('every', 'todo');
-- The library keeps whole seconds.
select ok(pg_temp.lag('every') between interval '119 seconds' and interval '121 seconds',
    'queue_figures: a job of the schedule has waited since its time');

set local role telemed_worker;
select is((select f.due from work.queue_figures() as f where f.task = 'every'), 1::bigint,
    'queue_figures: the worker gets the same figures');
set local role telemed_api;
select throws_ok('select ops.queue_figures()', '42501', null,
    'queue_figures: the REST API cannot call it');

select * from finish();
rollback;
