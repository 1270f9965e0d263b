begin;
select plan(13);

create function pg_temp.job(
    p_task text, p_status text default 'failed', p_queueing_lock text default null)
returns bigint language sql
as $$
    insert into procrastinate.procrastinate_jobs
        (queue_name, task_name, status, attempts, queueing_lock, args)
    values ('default', p_task, p_status::procrastinate.procrastinate_job_status, 12,
        p_queueing_lock, '{"n": 1}') returning id
$$;
create function pg_temp.job_of(p_id bigint)
returns text language sql security definer
as $$
    select format('%s %s', j.status, j.attempts)
    from procrastinate.procrastinate_jobs as j where j.id = p_id
$$;
delete from procrastinate.procrastinate_jobs;
select
    pg_temp.job('send') as a, pg_temp.job('send', 'aborted') as b, pg_temp.job('call') as c,
    pg_temp.job('call', 'todo') as waiting, pg_temp.job('seal', p_queueing_lock => 's') as d,
    pg_temp.job('seal', p_queueing_lock => 's') as e \gset
insert into procrastinate.procrastinate_events (job_id, type, at)
values (:a, 'started', '2027-01-04 07:00+00'), (:a, 'failed', '2027-01-04 08:00+00');

set local role telemed_dba;
select results_eq(
    'select id from ops.dead_jobs()',
    format('values (%s::bigint), (%s), (%s), (%s), (%s)', :a, :b, :c, :d, :e),
    'dead_jobs: jobs that failed or were aborted are dead, a waiting one is not');
select results_eq(
    format('select task, arguments, attempts, died_at from ops.dead_jobs() where id = %s', :a),
    $$ values ('send', '{"n": 1}'::jsonb, 12, '2027-01-04 08:00+00'::timestamptz) $$,
    'dead_jobs: it tells the task, the arguments, the attempts and the time');

select lives_ok(format('select ops.retry_job(%s)', :a), 'retry_job: a DBA repeats a dead job');
select is(pg_temp.job_of(:a), 'todo 0', 'retry_job: the job has all its attempts again');
select throws_ok(
    format('select ops.retry_job(%s)', :a), 'TM430', null,
    'retry_job: a job that is not dead is refused');
select throws_ok(
    'select ops.retry_job(null)', 'TM430', null, 'retry_job: a null id is refused');
select is(ops.retry_dead_jobs('nothing'), 0::bigint,
    'retry_dead_jobs: a task without dead jobs has none to repeat');
select is(ops.retry_dead_jobs('send'), 1::bigint,
    'retry_dead_jobs: it repeats the dead jobs of one task');
select is(pg_temp.job_of(:b), 'todo 0', 'retry_dead_jobs: an aborted job is in the queue again');
select is(ops.retry_dead_jobs(), 2::bigint,
    'retry_dead_jobs: it repeats all dead jobs, one of each kind that may wait only once');
select results_eq(
    'select id from ops.dead_jobs()', format('values (%s::bigint)', :e),
    'retry_dead_jobs: the other one of that kind stays dead');
set local role telemed_api;
select throws_ok('select ops.dead_jobs()', '42501', null,
    'dead_jobs: the REST API cannot call it');
set local role telemed_worker;
select throws_ok('select ops.retry_dead_jobs()', '42501', null,
    'retry_dead_jobs: the worker cannot call it');

select * from finish();
rollback;
