begin;
\ir ../helpers/actors.psql
select plan(13);

reset role;
delete from procrastinate.procrastinate_jobs;
create function pg_temp.job(
    p_task text, p_status text default 'failed', p_queueing_lock text default null)
returns bigint language sql
as $$
    insert into procrastinate.procrastinate_jobs
        (queue_name, task_name, status, attempts, queueing_lock)
    values ('default', p_task, p_status::procrastinate.procrastinate_job_status, 12,
        p_queueing_lock) returning id
$$;
create function pg_temp.job_of(p_id bigint)
returns text language sql security definer
as $$
    select format('%s %s', j.status, j.attempts)
    from procrastinate.procrastinate_jobs as j where j.id = p_id
$$;
select
    pg_temp.job('send') as a, pg_temp.job('send', 'aborted') as b, pg_temp.job('call') as c,
    pg_temp.job('call', 'doing') as running, pg_temp.job('seal', 'todo', 's') as waiting,
    pg_temp.job('seal', 'failed', 's') as same \gset
set local role telemed_api;

-- Callers without the right, and jobs that cannot be tried again
select is(
    pg_temp.refusal(v.actor, format('select api.retry_dead_jobs(%s)', v.arguments)), v.refusal,
    'retry_dead_jobs: ' || v.sentence)
from (values
    ('patient', '', 'TM301', 'a patient is refused'),
    ('doctor', '', 'TM301', 'a doctor is refused'),
    ('nobody', '', 'TM101', 'a caller without a context is refused'),
    ('admin', '0', 'TM430', 'an unknown job is refused'),
    ('admin', :'running', 'TM430', 'a job that is not dead is refused'),
    ('admin', format('%s, ''call''', :'a'), 'TM430', 'a dead job of another task is refused'),
    ('admin', :'same', 'TM943', 'a job that waits in the queue a second time is refused'))
    as v (actor, arguments, refusal, sentence);
select is(pg_temp.job_of(:a), 'failed 12', 'retry_dead_jobs: a refusal changes nothing');

select pg_temp.sign_in('admin');
select is((api.retry_dead_jobs(:a)).jobs, 1::bigint, 'retry_dead_jobs: an admin repeats one dead job');
select is(pg_temp.job_of(:a), 'todo 0', 'retry_dead_jobs: the job has all its attempts again');
select is((api.retry_dead_jobs(p_task => 'send')).jobs, 1::bigint,
    'retry_dead_jobs: it repeats the dead jobs of one task');
select is((api.retry_dead_jobs()).jobs, 1::bigint,
    'retry_dead_jobs: it repeats all dead jobs but the one that waits in the queue already');
select is(pg_temp.job_of(:same), 'failed 12',
    'retry_dead_jobs: a job that waits in the queue already stays dead');

select * from finish();
rollback;
