-- Deploy telemed:jobs/settle_job to pg

begin;

create function work.settle_job(
    p_job_id bigint, p_worker_id bigint, p_status text, p_delete boolean
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    -- Lock order: the job. The worker that holds it is the only one that may settle it.
    perform from procrastinate.procrastinate_jobs as j
    where j.id = p_job_id and j.worker_id = p_worker_id and j.status = 'doing'
    for update;
    if not found then
        return false;
    end if;
    perform procrastinate.procrastinate_finish_job_v1(
        p_job_id, p_status::procrastinate.procrastinate_job_status, p_delete);
    return true;
end;
$$;

comment on function work.settle_job(bigint, bigint, text, boolean) is
'Ends a job that a worker has run. p_status: succeeded, failed or aborted; p_delete: delete its row.
Returns false, and changes nothing, if the worker does not hold the job any more.';

grant execute on function work.settle_job to telemed_worker;

commit;
