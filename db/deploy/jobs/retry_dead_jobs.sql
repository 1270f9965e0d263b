-- Deploy telemed:jobs/retry_dead_jobs to pg

begin;

create type api.retried_jobs as (jobs bigint);

comment on type api.retried_jobs is
'How many jobs were put back into the queue.';

create function api.retry_dead_jobs(p_job_id bigint default null, p_task text default null)
returns api.retried_jobs
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_jobs bigint;
begin
    perform app.require_role('admin');
    v_jobs := ops.retry_dead_jobs(p_task, p_job_id);
    if p_job_id is not null and v_jobs = 0 then
        if exists (
            select from procrastinate.procrastinate_jobs as j
            where j.id = p_job_id
              and j.status in ('failed', 'aborted')
              and (p_task is null or j.task_name = p_task)) then
            raise exception 'The same job waits in the queue already' using errcode = 'TM943';
        end if;
        raise exception 'There is no dead job with the id %', p_job_id using errcode = 'TM430';
    end if;
    return row(v_jobs)::api.retried_jobs;
end;
$$;

comment on function api.retry_dead_jobs(bigint, text) is
'Puts dead jobs back into the queue, as if they had had no attempt: the one with the id p_job_id,
those of the task p_task, or all. Of the jobs that may wait only once, one is put back. The effect
of a job that had its effect already is not repeated. For admins. Raises TM101, TM102, TM301, TM302,
TM430, TM943.';

grant execute on function api.retry_dead_jobs to telemed_api, telemed_dba;

commit;
