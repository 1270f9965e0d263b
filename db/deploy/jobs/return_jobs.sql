-- Deploy telemed:jobs/return_jobs to pg

begin;

create type work.returned_job as (id bigint, task text, attempts integer, status text);

comment on type work.returned_job is
'A job that nobody ran any more. attempts: those that it has had; status: todo (it runs again),
failed (it has had too many attempts) or cancelled (the same job is in the queue already).';

create function app.return_jobs(p_ids bigint[])
returns setof work.returned_job
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A job that ends the process of each worker that runs it must not come back for ever.
    v_attempts constant integer := 20;
    v_id bigint;
    v_job work.returned_job;
begin
    foreach v_id in array p_ids loop
        begin
            update procrastinate.procrastinate_jobs as j
            set status = (case when j.attempts + 1 >= v_attempts then 'failed' else 'todo' end)
                ::procrastinate.procrastinate_job_status,
                attempts = j.attempts + 1,
                abort_requested = false,
                worker_id = null,
                -- At once for the first four times, then after 8 s, 24 s and so on.
                scheduled_at = now() + make_interval(
                    secs => least(greatest(2.0 ^ j.attempts - 8, 0), 3600))
            where j.id = v_id and j.status = 'doing'
            returning j.id, j.task_name::text, j.attempts, j.status::text into v_job;
        exception
            -- procrastinate_jobs_queueing_lock_idx_v1: one job of a kind waits in the queue.
            when unique_violation then
                update procrastinate.procrastinate_jobs as j
                set status = 'cancelled', worker_id = null
                where j.id = v_id and j.status = 'doing'
                returning j.id, j.task_name::text, j.attempts, j.status::text into v_job;
        end;
        if v_job.id is not null then
            return next v_job;
        end if;
    end loop;
end;
$$;

comment on function app.return_jobs(bigint[]) is
'Puts jobs that are marked as running, and that no worker runs, back into the queue. After 20
attempts a job is given up. Returns what became of each.';

create function work.retry_stalled_jobs(p_lease interval)
returns setof work.returned_job
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select r.* from app.return_jobs(array(
        select j.id
        from procrastinate.procrastinate_jobs as j
        left join procrastinate.procrastinate_workers as w on w.id = j.worker_id
        where j.status = 'doing'
          and (w.id is null or w.last_heartbeat < now() - p_lease)
        order by j.id
        for update of j skip locked)) as r;
    -- A worker that was only stopped for a while finds itself missing, and registers again.
    delete from procrastinate.procrastinate_workers as w
    where w.last_heartbeat < now() - p_lease
      and not exists (
          select from procrastinate.procrastinate_jobs as j
          where j.worker_id = w.id and j.status = 'doing');
end;
$$;

comment on function work.retry_stalled_jobs(interval) is
'Puts the jobs of workers that have sent no heartbeat for p_lease, or that are not registered, back
into the queue, and forgets these workers. Returns what became of each job.';

grant execute on function work.retry_stalled_jobs to telemed_worker;

create function work.enqueue_due_jobs()
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_jobs bigint;
begin
    perform app.forget_actor();
    with due as materialized (
        select l.id from procrastinate.later_jobs as l
        where l.scheduled_at <= now() + interval '1 minute'
        order by l.scheduled_at
        limit 1000
        for update skip locked
    ), taken as (
        delete from procrastinate.later_jobs as l using due as d where l.id = d.id
        returning l.*
    )
    insert into procrastinate.procrastinate_jobs
        (id, queue_name, task_name, lock, args, scheduled_at)
    select t.id, 'default', t.task_name, t.lock, t.args, t.scheduled_at from taken as t;
    get diagnostics v_jobs = row_count;
    return v_jobs;
end;
$$;

comment on function work.enqueue_due_jobs() is
'Moves up to 1,000 jobs whose time comes within a minute to the queue; returns how many. Each worker
calls it every few seconds.';

grant execute on function work.enqueue_due_jobs to telemed_worker;

create function work.jobs_of_worker(p_worker_id bigint)
returns bigint[]
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    if not exists (
        select from procrastinate.procrastinate_workers as w where w.id = p_worker_id) then
        return null;
    end if;
    return array(
        select j.id from procrastinate.procrastinate_jobs as j
        where j.worker_id = p_worker_id and j.status = 'doing');
end;
$$;

comment on function work.jobs_of_worker(bigint) is
'The ids of the jobs that a worker runs by the records of the queue; null if the worker is not
registered.';

grant execute on function work.jobs_of_worker to telemed_worker;

create function work.return_lost_jobs(p_worker_id bigint, p_job_ids bigint[])
returns setof work.returned_job
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select r.* from app.return_jobs(array(
        select j.id from procrastinate.procrastinate_jobs as j
        where j.id = any (p_job_ids) and j.worker_id = p_worker_id and j.status = 'doing'
        order by j.id
        for update)) as r;
end;
$$;

comment on function work.return_lost_jobs(bigint, bigint[]) is
'Puts jobs back into the queue that a worker holds by the records of the queue and does not run: the
answer to the statement that fetched or settled them was lost. Returns what became of each.';

grant execute on function work.return_lost_jobs to telemed_worker;

commit;
