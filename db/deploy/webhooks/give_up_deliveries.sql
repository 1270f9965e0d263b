-- Deploy telemed:webhooks/give_up_deliveries to pg

begin;

create function app.webhook_delays()
returns interval[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return '{5 seconds,5 minutes,30 minutes,2 hours,5 hours,10 hours,14 hours,20 hours,20 hours}'
        ::interval[];
end;
$$;

comment on function app.webhook_delays() is
'The longest pause after each failed attempt of a delivery, 71 hours and 35 minutes in all; after
one more failure the delivery is given up.';

create function app.webhook_lease()
returns interval
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return interval '2 minutes';
end;
$$;

comment on function app.webhook_lease() is
'How long a worker has a delivery to itself: longer than an attempt may take (worker/webhooks.py).';

set local role telemed_internal;
create function app.resume_consultation(p_endpoint_id uuid, p_consultation_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.deliver_webhook(d.id, d.next_attempt_at)
    from app.webhook_deliveries as d
    where d.endpoint_id = p_endpoint_id
      and d.consultation_id = p_consultation_id
      and d.status in ('pending', 'sending')
    order by d.sequence_number
    limit 1;
end;
$$;

comment on function app.resume_consultation(uuid, uuid) is
'Enqueues the next delivery of a consultation to an endpoint, after the one before it was settled.';

create function app.give_up_deliveries(p_delivery_ids uuid[])
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_delivery app.webhook_deliveries;
begin
    for v_delivery in
        update app.webhook_deliveries
        set status = 'given_up', settled_at = app.clock(), next_attempt_at = null,
            lease_ends_at = null
        where id = any (p_delivery_ids) and settled_at is null
        returning *
    loop
        perform app.resume_consultation(v_delivery.endpoint_id, v_delivery.consultation_id);
    end loop;
end;
$$;

comment on function app.give_up_deliveries(uuid[]) is
'Gives deliveries up, and enqueues the next ones of their consultations. The caller has the lock of
the endpoint.';

create function app.disable_webhook(p_endpoint_id uuid, p_because text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update app.webhook_endpoints
    set disabled_at = app.clock(), disabled_because = p_because
    where id = p_endpoint_id and disabled_at is null;
    -- What a worker is sending now, it settles itself.
    update app.webhook_deliveries
    set status = 'given_up', settled_at = app.clock(), next_attempt_at = null
    where endpoint_id = p_endpoint_id and status = 'pending' and event_id is not null;
end;
$$;

comment on function app.disable_webhook(uuid, text) is
'Disables an endpoint, for a reason of app.webhook_endpoints.disabled_because, and gives its pending
deliveries up. api.redeliver_webhook can send them again. The caller has the lock of the endpoint.';
reset role;

commit;
