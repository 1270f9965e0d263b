-- Deploy telemed:jobs/dispatch_event to pg

begin;

set local role telemed_internal;
create function work.dispatch_event(p_event_id bigint)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_event app.events;
begin
    perform app.forget_actor();
    select e.* into v_event from app.events as e where e.id = p_event_id;
    if v_event.id is null then
        -- Its month was dropped while the job waited.
        return;
    end if;
    -- Each function adds what is missing: a repetition has no second effect.
    perform app.add_messages_of_event(v_event);
    perform app.add_deliveries_of_event(v_event);
end;
$$;

comment on function work.dispatch_event(bigint) is
'Adds the messages and the deliveries that an event calls for, each with its job. Repeated, it adds
only what is missing. An event that is not kept any more has no effect.';

grant execute on function work.dispatch_event to telemed_worker;

commit;
