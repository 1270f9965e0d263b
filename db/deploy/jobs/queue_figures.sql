-- Deploy telemed:jobs/queue_figures to pg

begin;

create type ops.queue_figures as (
    task text, due bigint, later bigint, running bigint, dead bigint, lag interval
);

comment on type ops.queue_figures is
'The jobs of one task. due: they could run now; later: they wait for their time; running: a worker
has them; dead: they were given up (ops.dead_jobs); lag: how long the oldest due job has waited.';

create function ops.queue_figures()
returns setof ops.queue_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query
    select
        j.task_name::text,
        count(*) filter (where j.status = 'todo' and j.is_due),
        count(*) filter (where j.status = 'todo' and not j.is_due),
        count(*) filter (where j.status = 'doing'),
        count(*) filter (where j.status in ('failed', 'aborted')),
        max(greatest(now() - j.since, '0')) filter (where j.status = 'todo' and j.is_due)
    from (
        select
            q.task_name, q.status,
            coalesce(q.scheduled_at <= now(), true) as is_due,
            coalesce(q.scheduled_at, (
                -- A job of the schedule: the library enqueues it without a time.
                select to_timestamp(d.defer_timestamp)
                from procrastinate.procrastinate_periodic_defers as d
                where d.job_id = q.id)) as since
        from procrastinate.procrastinate_jobs as q
        union all
        select l.task_name, 'todo', false, null from procrastinate.later_jobs as l
    ) as j
    group by j.task_name
    order by j.task_name;
end;
$$;

comment on function ops.queue_figures() is
'How many jobs of each task are due, wait for their time, run or were given up, and how long the
oldest due job has waited.';

grant execute on function ops.queue_figures to telemed_dba, telemed_internal;

create function work.queue_figures()
returns setof ops.queue_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    return query select f.* from ops.queue_figures() as f;
end;
$$;

comment on function work.queue_figures() is 'ops.queue_figures, for the metrics of the worker.';

grant execute on function work.queue_figures to telemed_worker;

commit;
