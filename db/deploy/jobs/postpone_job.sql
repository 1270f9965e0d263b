-- Deploy telemed:jobs/postpone_job to pg

begin;

create function work.postpone_job(p_job_id bigint, p_worker_id bigint, p_until timestamptz)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    -- Lock order: the job. The worker that holds it is the only one that may put it back.
    perform from procrastinate.procrastinate_jobs as j
    where j.id = p_job_id and j.worker_id = p_worker_id and j.status = 'doing'
    for update;
    if not found then
        return false;
    end if;
    perform procrastinate.procrastinate_retry_job_v2(
        p_job_id, coalesce(p_until, now()), null, null, null);
    return true;
end;
$$;

comment on function work.postpone_job(bigint, bigint, timestamptz) is
'Puts a job that failed back into the queue, for another attempt at p_until. Returns false, and
changes nothing, if the worker does not hold the job any more.';

grant execute on function work.postpone_job to telemed_worker;

commit;
