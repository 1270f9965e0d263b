-- Deploy telemed:jobs/enqueue_job to pg

begin;

create function app.enqueue_job(
    p_task text,
    p_arguments jsonb,
    p_lock text default null,
    p_at timestamptz default null,
    p_priority integer default 0
)
returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id bigint;
begin
    if p_at > now() + interval '1 minute' then
        -- The id is the one that the job will have.
        insert into procrastinate.later_jobs (id, task_name, lock, args, scheduled_at)
        values (
            nextval('procrastinate.procrastinate_jobs_id_seq'), p_task, p_lock, p_arguments, p_at)
        returning id into v_id;
    else
        insert into procrastinate.procrastinate_jobs
            (queue_name, task_name, lock, args, scheduled_at, priority)
        values ('default', p_task, p_lock, p_arguments, coalesce(p_at, now()), p_priority)
        returning id into v_id;
    end if;
    return v_id;
end;
$$;

comment on function app.enqueue_job is
'Enqueues a job in the present transaction: a worker sees it after the commit, and never if the
transaction is rolled back. p_task: the name of a task of worker/tasks; p_arguments: an object with
its arguments, ids and no personal data; p_lock: jobs with the same lock run one at a time, in the
order of their ids; p_at: not before this instant; p_priority: below 0 for a job that waits while
there are others, unless it has an instant of its own. Returns the id of the job.';

grant execute on function app.enqueue_job to telemed_internal;

commit;
