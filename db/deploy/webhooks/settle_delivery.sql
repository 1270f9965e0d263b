-- Deploy telemed:webhooks/settle_delivery to pg

begin;

set local role telemed_internal;
create function work.settle_delivery(
    p_delivery_id uuid,
    p_attempt integer,
    p_duration_ms integer,
    p_status_code integer default null,
    p_error text default null,
    p_answer text default null,
    p_retry_after_seconds integer default null
)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_endpoint app.webhook_endpoints;
    v_delivery app.webhook_deliveries;
    v_delay interval;
    v_retry_at timestamptz;
begin
    perform app.forget_actor();
    -- Lock order: the endpoint, then the delivery.
    select w.* into v_endpoint
    from app.webhook_endpoints as w
    where w.id = (select d.endpoint_id from app.webhook_deliveries as d where d.id = p_delivery_id)
    for no key update;
    select d.* into v_delivery
    from app.webhook_deliveries as d where d.id = p_delivery_id for update;
    if v_delivery.status is distinct from 'sending' or v_delivery.attempt <> p_attempt then
        return 'superseded';
    end if;

    insert into app.webhook_attempts (
        endpoint_id, delivery_id, attempt, attempted_at, duration_ms, status_code, error, answer)
    values (
        v_endpoint.id, v_delivery.id, p_attempt,
        app.clock() - interval '1 millisecond' * p_duration_ms, p_duration_ms, p_status_code,
        left(p_error, 200), nullif(left(p_answer, 1000), ''));

    if p_status_code between 200 and 299 and p_error is null then
        update app.webhook_deliveries
        set status = 'delivered', settled_at = app.clock(), lease_ends_at = null
        where id = v_delivery.id;
        if v_endpoint.consecutive_failures > 0 then
            update app.webhook_endpoints
            set consecutive_failures = 0, first_failed_at = null
            where id = v_endpoint.id and deleted_at is null;
        end if;
        perform app.resume_consultation(v_endpoint.id, v_delivery.consultation_id);
        return 'delivered';
    end if;

    -- A ping is tried once, and its failure says nothing about deliveries.
    if v_delivery.event_id is null or v_endpoint.disabled_at is not null then
        perform app.give_up_deliveries(array[v_delivery.id]);
        return 'given_up';
    end if;

    update app.webhook_endpoints
    set consecutive_failures = consecutive_failures + 1,
        first_failed_at = coalesce(first_failed_at, v_delivery.lease_ends_at - app.webhook_lease())
    where id = v_endpoint.id
    returning * into strict v_endpoint;

    v_delay := (app.webhook_delays())[v_delivery.tries];
    if p_status_code = 410 or v_delay is null then
        perform app.give_up_deliveries(array[v_delivery.id]);
        if p_status_code = 410 then
            perform app.disable_webhook(v_endpoint.id, 'gone');
            return 'disabled';
        elsif v_endpoint.first_failed_at <= v_delivery.first_tried_at then
            perform app.disable_webhook(v_endpoint.id, 'failing');
            return 'disabled';
        end if;
        return 'given_up';
    end if;

    -- Jitter: deliveries that failed together do not come back together.
    v_retry_at := app.clock() + greatest(
        v_delay * (1 - random() / 5),
        least(
            interval '1 second' * coalesce(p_retry_after_seconds, 0), interval '20 hours'));
    update app.webhook_deliveries
    set status = 'pending', lease_ends_at = null, next_attempt_at = v_retry_at
    where id = v_delivery.id;
    perform app.deliver_webhook(v_delivery.id, v_retry_at);
    return 'pending';
end;
$$;

comment on function work.settle_delivery is
'Reports the outcome of the attempt p_attempt that work.claim_delivery has claimed. p_duration_ms:
milliseconds; p_status_code: of the answer, null without one; p_error: what went wrong, null if an
answer came; p_answer: the beginning of its body, up to 1000 characters;
p_retry_after_seconds: how long the receiver asks to be left alone (Retry-After, RFC 9110, section
10.2.3), null if it does not. A status 200 to 299 delivers; every other outcome is tried again after
app.webhook_delays, less up to a fifth by chance, and not before the receiver wants it, up to the
longest of these delays.
Returns delivered; pending: it is tried again; given_up; disabled: the endpoint as well, because
nothing was delivered since the first attempt, or because it answered 410 (gone); superseded:
another attempt has begun, and nothing is changed.';

grant execute on function work.settle_delivery to telemed_worker;

commit;
