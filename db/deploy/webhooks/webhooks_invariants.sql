-- Deploy telemed:webhooks/webhooks_invariants to pg

begin;

set local role telemed_internal;

create function app.webhooks_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    return query
    select
        'delivered_webhooks_have_a_successful_attempt',
        'Every delivery that counts as delivered has an attempt with a status 200 to 299.',
        array(
            select d.id::text
            from app.webhook_deliveries as d
            where d.id >= v_first and d.status = 'delivered' and not exists (
                select from app.webhook_attempts as a
                where a.delivery_id = d.id and a.status_code between 200 and 299));

    return query
    select
        'disabled_webhooks_have_no_pending_delivery',
        'No event waits for its delivery to a disabled webhook.',
        array(
            select d.id::text
            from app.webhook_deliveries as d
            inner join app.webhook_endpoints as w on w.id = d.endpoint_id
            where d.id >= v_first
              and d.status = 'pending'
              and d.event_id is not null
              and w.disabled_at is not null
              -- A dispatch that ran at the same moment: the job of the delivery gives it up.
              and d.next_attempt_at < app.clock() - interval '10 minutes');

    return query
    select
        'webhooks_of_a_consultation_are_sent_one_at_a_time',
        'No two deliveries of one consultation are sent to a webhook at the same time.',
        array(
            select d.id::text
            from app.webhook_deliveries as d
            where d.id >= v_first and d.status = 'sending' and exists (
                select from app.webhook_deliveries as o
                where o.endpoint_id = d.endpoint_id
                  and o.consultation_id = d.consultation_id
                  and o.status = 'sending'
                  and o.id <> d.id
                  -- Without a lease that is in force, its worker has ended.
                  and least(d.lease_ends_at, o.lease_ends_at) > app.clock()));
end;
$$;

comment on function app.webhooks_invariants(timestamptz) is
'The invariants of webhooks, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
