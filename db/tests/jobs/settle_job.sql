begin;
select plan(13);

create function pg_temp.job(p_worker bigint, p_attempts integer default 0)
returns bigint language sql
as $$
    insert into procrastinate.procrastinate_jobs
        (queue_name, task_name, status, worker_id, attempts)
    values ('default', 'test', 'doing', p_worker, p_attempts) returning id
$$;
create function pg_temp.status(p_id bigint)
returns text language sql security definer
as $$ select j.status::text from procrastinate.procrastinate_jobs as j where j.id = p_id $$;

insert into procrastinate.procrastinate_workers default values returning id as one \gset
insert into procrastinate.procrastinate_workers default values returning id as two \gset
select pg_temp.job(:one) as a, pg_temp.job(:one) as b, pg_temp.job(:one) as c \gset

set local role telemed_worker;
select is(work.settle_job(:a, :two, 'failed', false), false,
    'settle_job: a worker cannot settle the job of another one');
select is(pg_temp.status(:a), 'doing', 'settle_job: that job still runs');
select is(work.settle_job(:a, :one, 'succeeded', true), true,
    'settle_job: the worker that holds a job settles it');
select is(pg_temp.status(:a), null, 'settle_job: a job that succeeded is deleted');
select is(work.settle_job(:a, :one, 'succeeded', true), false,
    'settle_job: a job is settled once');
select is(work.settle_job(:b, :one, 'failed', false), true, 'settle_job: a job can be given up');
select is(pg_temp.status(:b), 'failed', 'settle_job: that job is dead');
select is(work.settle_job(:b, :one, 'succeeded', true), false,
    'settle_job: a job that was given up is not settled again by the worker that had it');
select is(work.postpone_job(:b, :one, now()), false,
    'postpone_job: nor is it put back');

select is(work.postpone_job(:c, :two, now()), false,
    'postpone_job: a worker cannot put back the job of another one');
select is(work.postpone_job(:c, :one, now() + interval '1 minute'), true,
    'postpone_job: the worker that holds a job puts it back');
reset role;
select results_eq(
    format(
        'select status::text, attempts, scheduled_at from procrastinate.procrastinate_jobs
         where id = %s', :c),
    $$ values ('todo', 1, now() + interval '1 minute') $$,
    'postpone_job: the job waits for its next attempt');
update procrastinate.procrastinate_jobs set status = 'doing', worker_id = :one where id = :c;
set local role telemed_worker;
select work.postpone_job(:c, :one, null) \g /dev/null
reset role;
select is(
    (select scheduled_at from procrastinate.procrastinate_jobs where id = :c), now(),
    'postpone_job: without a time the job may run at once');

select * from finish();
rollback;
