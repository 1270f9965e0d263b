-- Deploy telemed:webhooks/claim_delivery to pg

begin;

create type work.claimed_delivery as (
    delivery_id uuid,
    attempt integer,
    webhook_id uuid,
    url text,
    message_id text,
    body text,
    secret text,
    previous_secret text
);

comment on type work.claimed_delivery is
'What a worker sends: the body, signed with the secret and, if it is not null, with the previous one
as well. Both are encrypted, see api.create_webhook.';

set local role telemed_internal;
create function work.claim_delivery(p_delivery_id uuid)
returns setof work.claimed_delivery
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_endpoint app.webhook_endpoints;
    v_delivery app.webhook_deliveries;
    v_retry_at timestamptz;
begin
    perform app.forget_actor();
    -- Lock order: the endpoint, then the delivery. The lock on the endpoint decides races: a
    -- delivery that is settled meanwhile either is seen here, or sees this one and enqueues it.
    select w.* into v_endpoint
    from app.webhook_endpoints as w
    where w.id = (select d.endpoint_id from app.webhook_deliveries as d where d.id = p_delivery_id)
    for no key update;
    select d.* into v_delivery
    from app.webhook_deliveries as d where d.id = p_delivery_id for update;
    if v_delivery.id is null
        or v_delivery.settled_at is not null
        or greatest(v_delivery.next_attempt_at, v_delivery.lease_ends_at) > app.clock() then
        return;
    end if;

    if v_delivery.status = 'sending' then
        insert into app.webhook_attempts (endpoint_id, delivery_id, attempt, attempted_at, error)
        values (
            v_delivery.endpoint_id, v_delivery.id, v_delivery.attempt,
            v_delivery.lease_ends_at - app.webhook_lease(),
            'The worker ended before it could report the outcome');
        if v_delivery.tries > cardinality(app.webhook_delays()) then
            perform app.give_up_deliveries(array[v_delivery.id]);
            return;
        end if;
        -- Nobody has it any more. What it has to wait for below must not note that once more.
        update app.webhook_deliveries
        set status = 'pending', lease_ends_at = null, next_attempt_at = app.clock()
        where id = v_delivery.id;
    end if;

    -- A ping tests an endpoint before it is enabled.
    if v_endpoint.deleted_at is not null
        or (v_endpoint.disabled_at is not null and v_delivery.event_id is not null) then
        perform app.give_up_deliveries(array[v_delivery.id]);
        return;
    end if;
    -- In order and one at a time within a consultation: app.give_up_deliveries and
    -- work.settle_delivery enqueue this one when the other one is settled. A later one is sent
    -- first if this one is redelivered.
    if exists (
        select from app.webhook_deliveries as d
        where d.endpoint_id = v_delivery.endpoint_id
          and d.consultation_id = v_delivery.consultation_id
          and d.status in ('pending', 'sending')
          and (
              d.sequence_number < v_delivery.sequence_number or d.lease_ends_at > app.clock())
    ) then
        return;
    end if;
    -- An endpoint that fails gets one delivery at a time, so that it does not occupy the workers.
    if v_endpoint.consecutive_failures >= 5 and v_delivery.event_id is not null and exists (
        select from app.webhook_deliveries as d
        where d.endpoint_id = v_delivery.endpoint_id
          and d.status = 'sending'
          and d.lease_ends_at > app.clock()
          and d.id <> v_delivery.id
    ) then
        v_retry_at := app.clock() + interval '1 minute' * (1 + random());
        update app.webhook_deliveries
        set status = 'pending', lease_ends_at = null, next_attempt_at = v_retry_at
        where id = v_delivery.id;
        perform app.deliver_webhook(v_delivery.id, v_retry_at);
        return;
    end if;

    update app.webhook_deliveries
    set status = 'sending',
        attempt = attempt + 1,
        tries = tries + 1,
        first_tried_at = coalesce(first_tried_at, app.clock()),
        next_attempt_at = null,
        lease_ends_at = app.clock() + app.webhook_lease()
    where id = v_delivery.id
    returning attempt into strict v_delivery.attempt;

    return query select
        v_delivery.id,
        v_delivery.attempt,
        v_endpoint.id,
        v_endpoint.url::text,
        app.webhook_message_id(v_endpoint.id, v_delivery.event_id, v_delivery.id),
        v_delivery.body,
        convert_from(v_endpoint.secret, 'UTF8'),
        case
            when v_endpoint.previous_ends_at > app.clock()
                then convert_from(v_endpoint.previous_secret, 'UTF8')
        end;
end;
$$;

comment on function work.claim_delivery(uuid) is
'Claims a delivery that is due, for the time of app.webhook_lease: no other worker gets it until
then. The caller sends it and reports the outcome with the number of the attempt to
work.settle_delivery. No row if there is nothing to send now: the delivery is settled, not due, or
another worker has it; an earlier delivery of the same consultation is not settled, or a later one
is being sent; the endpoint is disabled. A delivery whose worker ended is claimed again after its
lease.';

grant execute on function work.claim_delivery to telemed_worker;

commit;
