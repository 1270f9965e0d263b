-- Deploy telemed:operations/system_figures to pg

begin;

create type api.queue_figures as (
    task text, due bigint, later bigint, running bigint, dead bigint, lag_seconds double precision
);

comment on type api.queue_figures is
'The jobs of one task: see ops.queue_figures. lag_seconds: how long the oldest due job has waited;
null if none is due.';

create type api.database_figures as (figure text, subject text, value double precision);

comment on type api.database_figures is
'One figure of the database: see ops.database_figures.';

create type api.system_figures as (
    database_version text,
    database_started_at timestamptz,
    worker_heartbeat_at timestamptz,
    queue api.queue_figures[],
    figures api.database_figures[]
);

comment on type api.system_figures is
'The state of the system. worker_heartbeat_at: when a worker was last known to run; null if none is
registered.';

set local role telemed_internal;
create function app.system_figures()
returns api.system_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return row(
        current_setting('server_version'),
        pg_postmaster_start_time(),
        (select max(w.last_heartbeat) from procrastinate.procrastinate_workers as w),
        array(
            select row(
                q.task, q.due, q.later, q.running, q.dead,
                extract(epoch from q.lag))::api.queue_figures
            from ops.queue_figures() as q
            order by q.task),
        array(
            select row(f.figure, f.subject, f.value)::api.database_figures
            from ops.database_figures() as f
            order by f.figure, f.subject))::api.system_figures;
end;
$$;

comment on function app.system_figures() is
'What api.system_figures returns.';
reset role;

create function api.system_figures()
returns api.system_figures
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    return app.system_figures();
end;
$$;

comment on function api.system_figures() is
'The worker, its queue and the figures of the database (ops.queue_figures, ops.database_figures),
for admins of the clinic. Raises TM101, TM102, TM301, TM302.';

grant execute on function api.system_figures to telemed_api, telemed_dba;

commit;
