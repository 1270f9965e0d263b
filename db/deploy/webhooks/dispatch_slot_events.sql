-- Deploy telemed:webhooks/dispatch_slot_events to pg

begin;

set local role telemed_internal;
create function work.dispatch_slot_events(p_first_id bigint, p_last_id bigint)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_added integer;
begin
    perform app.forget_actor();
    -- One statement for all of them. Among the ids may be events of slots that another transaction
    -- has written: the constraint webhook_deliveries_of_an_event_are_made_once lets one job add
    -- their deliveries. The order by avoids deadlocks between the two.
    with added as (
        insert into app.webhook_deliveries (endpoint_id, event_id, event_type, body)
        select w.id, e.id, e.type, app.webhook_body_of_event(e)
        from app.webhook_endpoints as w
        inner join app.events as e on app.webhook_wants(w.event_types, e.type)
        where w.disabled_at is null
          and e.id between p_first_id and p_last_id
          and e.type in ('slot.opened', 'slot.withdrawn')
          and e.occurred_at >= w.enabled_at
        order by w.id, e.id
        on conflict (endpoint_id, event_id) do nothing
        returning id
    )
    -- A quarter of slots must not stand in front of the mails of bookings.
    select count(app.enqueue_job(
        'deliver_webhook', jsonb_build_object('delivery_id', a.id), p_priority => -1))::integer
    into v_added
    from added as a;
    return v_added;
end;
$$;

comment on function work.dispatch_slot_events(bigint, bigint) is
'Adds the deliveries of the events of slots with the ids p_first_id to p_last_id, for each endpoint
that wants their type and was enabled when they occurred. The job of each waits while there are
other jobs. A repetition adds nothing. Returns the number of new deliveries.';

grant execute on function work.dispatch_slot_events to telemed_worker;

commit;
