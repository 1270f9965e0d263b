begin;
select plan(19);

create function pg_temp.job(
    p_worker bigint, p_attempts integer default 0, p_status text default 'doing',
    p_queueing_lock text default null)
returns bigint language sql
as $$
    insert into procrastinate.procrastinate_jobs
        (queue_name, task_name, status, worker_id, attempts, queueing_lock)
    values ('default', 'test', p_status::procrastinate.procrastinate_job_status, p_worker,
        p_attempts, p_queueing_lock) returning id
$$;
create function pg_temp.job_of(p_id bigint)
returns text language sql security definer
as $$
    select format('%s %s %s', j.status, j.attempts, coalesce(j.worker_id::text, 'nobody'))
    from procrastinate.procrastinate_jobs as j where j.id = p_id
$$;
create function pg_temp.wait_of(p_id bigint)
returns interval language sql security definer
as $$
    select j.scheduled_at - now() from procrastinate.procrastinate_jobs as j where j.id = p_id
$$;

insert into procrastinate.procrastinate_workers (last_heartbeat)
values (now() - interval '30 seconds') returning id as alive \gset
insert into procrastinate.procrastinate_workers (last_heartbeat)
values (now() - interval '31 seconds') returning id as silent \gset
insert into procrastinate.procrastinate_workers (last_heartbeat)
values (now() - interval '1 hour') returning id as idle \gset
insert into procrastinate.procrastinate_workers (last_heartbeat)
values (now() - interval '30 seconds') returning id as waiting_worker \gset
select
    pg_temp.job(:alive) as running, pg_temp.job(:silent) as stalled, pg_temp.job(null) as orphan,
    pg_temp.job(:silent, 5) as slow, pg_temp.job(:silent, 19) as poison,
    pg_temp.job(:silent, 18) as last_try, pg_temp.job(:silent, 11) as slower,
    pg_temp.job(:silent, p_queueing_lock => 'seal') as superseded,
    pg_temp.job(null, p_status => 'todo', p_queueing_lock => 'seal') as waiting,
    pg_temp.job(:idle, p_status => 'succeeded') as done \gset

set local role telemed_worker;
select results_eq(
    $$ select r.id, r.status from work.retry_stalled_jobs('30 seconds') as r order by r.id $$,
    format(
        'values (%s::bigint, ''todo''), (%s, ''todo''), (%s, ''todo''), (%s, ''failed''),
         (%s, ''todo''), (%s, ''todo''), (%s, ''cancelled'')',
        :stalled, :orphan, :slow, :poison, :last_try, :slower, :superseded),
    'retry_stalled_jobs: it returns the jobs of silent and of missing workers');
select is(pg_temp.job_of(:stalled), 'todo 1 nobody',
    'retry_stalled_jobs: the job of a silent worker is in the queue again');
select is(pg_temp.wait_of(:stalled), interval '0',
    'retry_stalled_jobs: a job that stalled for the first time runs at once');
select is(pg_temp.job_of(:orphan), 'todo 1 nobody',
    'retry_stalled_jobs: the job of a worker that is not registered is in the queue again');
select is(pg_temp.wait_of(:slow), interval '24 seconds',
    'retry_stalled_jobs: a job that stalls again and again waits longer and longer');
select is(pg_temp.wait_of(:slower), interval '2040 seconds',
    'retry_stalled_jobs: each wait is twice as long as the one before, but for 8 seconds');
select is(pg_temp.wait_of(:last_try), interval '1 hour',
    'retry_stalled_jobs: no wait is longer than an hour');
select is(pg_temp.job_of(:last_try), 'todo 19 nobody',
    'retry_stalled_jobs: a job has 20 attempts');
select is(pg_temp.job_of(:poison), 'failed 20 nobody',
    'retry_stalled_jobs: a job that stalled too often is given up');
select is(pg_temp.job_of(:superseded), 'cancelled 0 nobody',
    'retry_stalled_jobs: a job whose successor waits in the queue is cancelled');
select is(pg_temp.job_of(:running), 'doing 0 ' || :alive,
    'retry_stalled_jobs: the job of a worker with a heartbeat still runs');
select is_empty(
    $$ select * from work.retry_stalled_jobs('30 seconds') $$,
    'retry_stalled_jobs: a repetition finds nothing');
select is(work.jobs_of_worker(:idle), null,
    'retry_stalled_jobs: it forgets a silent worker whose jobs are done');
select is(work.jobs_of_worker(:waiting_worker), '{}',
    'retry_stalled_jobs: it keeps a worker with a heartbeat that has no job');
select is(work.jobs_of_worker(:alive), array[:running]::bigint[],
    'jobs_of_worker: the jobs of a worker are known');

select is_empty(
    format('select * from work.return_lost_jobs(%s, array[%s])', :silent, :running),
    'return_lost_jobs: a worker cannot return the job of another one');
select isnt_empty(
    format('select * from work.return_lost_jobs(%s, array[%s])', :alive, :running),
    'return_lost_jobs: a worker returns a job that it does not run');
select is(pg_temp.job_of(:running), 'todo 1 nobody',
    'return_lost_jobs: that job is in the queue again');
reset role;
select is_empty(
    $$ select * from app.return_jobs('{-1}') $$, 'return_jobs: an unknown job is left out');

select * from finish();
rollback;
