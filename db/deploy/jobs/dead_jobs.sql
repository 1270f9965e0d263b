-- Deploy telemed:jobs/dead_jobs to pg

begin;

create type ops.dead_jobs as (
    id bigint, task text, arguments jsonb, attempts integer, died_at timestamptz
);

comment on type ops.dead_jobs is
'A job that was given up. The log of the worker has the errors of its attempts, by its id.';

create function ops.dead_jobs()
returns setof ops.dead_jobs
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select
        j.id, j.task_name::text, j.args, j.attempts, (
            select max(e.at) from procrastinate.procrastinate_events as e where e.job_id = j.id)
    from procrastinate.procrastinate_jobs as j
    where j.status in ('failed', 'aborted')
    order by j.id;
end;
$$;

comment on function ops.dead_jobs() is
'The jobs that were given up after their last attempt, and that ops.retry_job and
ops.retry_dead_jobs put back into the queue. They are deleted after 90 days.';

grant execute on function ops.dead_jobs to telemed_dba;

create function ops.retry_dead_jobs(p_task text default null, p_id bigint default null)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_jobs bigint;
begin
    perform app.forget_actor();
    update procrastinate.procrastinate_jobs as j
    set status = 'todo', attempts = 0, scheduled_at = now(), worker_id = null,
        abort_requested = false
    where j.status in ('failed', 'aborted')
      and (p_task is null or j.task_name = p_task)
      and (p_id is null or j.id = p_id)
      -- One job of a kind waits in the queue: procrastinate_jobs_queueing_lock_idx_v1.
      and (j.queueing_lock is null or not exists (
          select from procrastinate.procrastinate_jobs as o
          where o.queueing_lock = j.queueing_lock
            and (o.status = 'todo' or (o.status = j.status and o.id < j.id))));
    get diagnostics v_jobs = row_count;
    return v_jobs;
end;
$$;

comment on function ops.retry_dead_jobs(text, bigint) is
'Puts dead jobs back into the queue, as if they had had no attempt: all, those of the task p_task,
or the one with the id p_id. Returns how many. The effect of a job that had its effect already is
not repeated.';

grant execute on function ops.retry_dead_jobs to telemed_dba;

create function ops.retry_job(p_id bigint)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if p_id is null or ops.retry_dead_jobs(p_id => p_id) = 0 then
        raise exception 'There is no dead job with the id %', p_id using errcode = 'TM430';
    end if;
end;
$$;

comment on function ops.retry_job(bigint) is
'Puts one dead job back into the queue: see ops.retry_dead_jobs. Raises TM430.';

grant execute on function ops.retry_job to telemed_dba;

commit;
