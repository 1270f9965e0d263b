-- Deploy telemed:webhooks/redeliver_webhook to pg

begin;

create function api.redeliver_webhook(
    p_webhook_id uuid,
    p_event_id bigint default null,
    p_starts_at timestamptz default null,
    p_ends_at timestamptz default null
)
returns api.webhook_redeliveries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_endpoint app.webhook_endpoints;
    v_events bigint[];
    v_delivery uuid;
    v_deliveries integer := 0;
    v_id uuid;
    v_redelivery api.webhook_redeliveries;
begin
    perform app.require_role('admin');
    if (p_event_id is null) = (p_starts_at is null) then
        raise exception 'Give either an event or a range of time'
            using errcode = 'TM201', column = 'event_id';
    end if;
    if (p_starts_at is null) <> (p_ends_at is null) then
        raise exception 'A range of time has a beginning and an end'
            using errcode = 'TM202', column = 'ends_at';
    end if;
    if p_ends_at <= p_starts_at then
        raise exception 'The range must end after it begins'
            using errcode = 'TM202', column = 'ends_at';
    end if;

    v_endpoint := app.lock_webhook(p_webhook_id);
    if v_endpoint.disabled_at is not null then
        raise exception 'The webhook is disabled: enable it first' using errcode = 'TM941';
    end if;

    if p_event_id is not null then
        v_events := array(select e.id from app.events as e where e.id = p_event_id);
        if v_events = '{}' then
            raise exception 'There is no such event' using errcode = 'TM416';
        end if;
    else
        v_events := array(
            select e.id
            from app.events as e
            where e.occurred_at >= p_starts_at
              and e.occurred_at < p_ends_at
              and app.webhook_wants(v_endpoint.event_types, e.type)
            order by e.id
            limit 1001);
        if cardinality(v_events) > 1000 then
            raise exception 'The range has more than 1000 events: choose a shorter one'
                using errcode = 'TM202', column = 'ends_at';
        end if;
    end if;

    -- A delivery that a worker is sending now stays as it is.
    for v_delivery in
        insert into app.webhook_deliveries as d
            (endpoint_id, event_id, event_type, consultation_id, sequence_number, body)
        select
            p_webhook_id, e.id, e.type, e.consultation_id, e.sequence_number,
            app.webhook_body_of_event(e)
        from app.events as e
        where e.id = any (v_events)
        order by e.id
        on conflict (endpoint_id, event_id) do update
        set status = 'pending', tries = 0, first_tried_at = null, next_attempt_at = app.clock(),
            settled_at = null
        where d.status <> 'sending'
        returning d.id
    loop
        perform app.deliver_webhook(v_delivery, null);
        v_deliveries := v_deliveries + 1;
    end loop;

    insert into app.webhook_redeliveries
        (endpoint_id, event_id, starts_at, ends_at, deliveries)
    values (p_webhook_id, p_event_id, p_starts_at, p_ends_at, v_deliveries)
    returning id into v_id;
    select r.* into strict v_redelivery from api.webhook_redeliveries as r where r.id = v_id;
    return v_redelivery;
end;
$$;

comment on function api.redeliver_webhook is
'Sends events to a webhook again, whether they were delivered, given up or never meant for it: one
event, p_event_id, or those that occurred from p_starts_at on and before p_ends_at and have
a type that the webhook wants, at most 1000. Their webhook-id is the one of the first time. A
delivery that a worker is sending now is left alone and not counted. For admins. Raises TM101,
TM102, TM201, TM202, TM301, TM302, TM415, TM416, TM941.';

grant execute on function api.redeliver_webhook to telemed_api, telemed_dba;

commit;
