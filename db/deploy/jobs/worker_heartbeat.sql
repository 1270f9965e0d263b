-- Deploy telemed:jobs/worker_heartbeat to pg

begin;

create function api.worker_heartbeat()
returns timestamptz
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_heartbeat timestamptz;
begin
    perform app.forget_actor();
    perform app.proven_context();
    select max(w.last_heartbeat) into v_heartbeat from procrastinate.procrastinate_workers as w;
    return v_heartbeat;
end;
$$;

comment on function api.worker_heartbeat() is
'When a worker was last known to run; null if none is registered. For a health
check: a caller need not be logged in. Raises TM101.';

grant execute on function api.worker_heartbeat to telemed_api, telemed_dba;

commit;
