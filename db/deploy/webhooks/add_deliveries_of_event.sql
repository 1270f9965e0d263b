-- Deploy telemed:webhooks/add_deliveries_of_event to pg

begin;

create function app.webhook_body(p_type text, p_timestamp timestamptz, p_data jsonb)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonb_build_object(
        'type', p_type,
        'timestamp',
        to_char(p_timestamp at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'data', p_data)::text;
end;
$$;

comment on function app.webhook_body(text, timestamptz, jsonb) is
'The body of a delivery, as Standard Webhooks describes it: type, timestamp (RFC 3339) and data, an
object that is never empty.';

create function app.webhook_body_of_event(p_event app.events)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return app.webhook_body(
        p_event.type,
        p_event.occurred_at,
        jsonb_build_object(
            'event_id', p_event.id,
            'consultation_id', p_event.consultation_id,
            'sequence_number', p_event.sequence_number,
            'predecessor_id', p_event.predecessor_id,
            'slot_id', p_event.slot_id,
            'doctor_id', p_event.doctor_id,
            'patient_id', p_event.patient_id,
            'user_id', p_event.user_id,
            'details', coalesce(p_event.data, '{}')));
end;
$$;

comment on function app.webhook_body_of_event(app.events) is
'The body that tells another system of an event: ids and times, no clinical text and no name. Who
caused the event, and by which request, stays in the clinic.';

set local role telemed_internal;
create function app.deliver_webhook(p_delivery_id uuid, p_at timestamptz)
returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return app.enqueue_job(
        'deliver_webhook', jsonb_build_object('delivery_id', p_delivery_id), null, p_at);
end;
$$;

comment on function app.deliver_webhook(uuid, timestamptz) is
'Enqueues the job that tries a delivery, at p_at or (null) at once. A job for a delivery that is
not due or is settled does nothing, so that two of them do no harm. Returns the id of the job.';

create function app.add_deliveries_of_event(p_event app.events)
returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid;
    v_added integer := 0;
begin
    -- Two events of a consultation may be dispatched in the other order. The later one brings the
    -- earlier ones with it, so that its own delivery finds them and waits for them. A week is far
    -- more than a dispatch takes, and less than ops.purge keeps: what was delivered before that is
    -- not delivered again. The order by avoids deadlocks between two dispatches.
    for v_id in
        insert into app.webhook_deliveries
            (endpoint_id, event_id, event_type, consultation_id, sequence_number, body)
        select
            w.id, (e.event).id, (e.event).type, (e.event).consultation_id,
            (e.event).sequence_number, app.webhook_body_of_event(e.event)
        from app.webhook_endpoints as w
        cross join lateral (
            select p_event as event
            union all
            select o
            from app.events as o
            where o.consultation_id = p_event.consultation_id
              and o.sequence_number < p_event.sequence_number
              and o.occurred_at >= p_event.occurred_at - interval '7 days'
        ) as e
        where w.disabled_at is null
          and (e.event).occurred_at >= w.enabled_at
          and app.webhook_wants(w.event_types, (e.event).type)
        order by w.id, (e.event).id
        on conflict (endpoint_id, event_id) do nothing
        returning id
    loop
        perform app.deliver_webhook(v_id, null);
        v_added := v_added + 1;
    end loop;
    return v_added;
end;
$$;

comment on function app.add_deliveries_of_event(app.events) is
'Adds a delivery of an event for each endpoint that wants its type and was enabled when it occurred,
and a job for each. With it come the earlier events of the same consultation that were not
dispatched yet. A repetition adds nothing. Returns the number of new deliveries.';
reset role;

commit;
