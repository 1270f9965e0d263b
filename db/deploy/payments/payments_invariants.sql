-- Deploy telemed:payments/payments_invariants to pg

begin;

set local role telemed_internal;

create function app.payments_invariants(p_since timestamptz)
returns setof app.invariant
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_first uuid := app.first_id_since(p_since);
begin
    return query
    select
        'payments_never_exceed_the_fee',
        'Payments less refunds of a consultation never exceed the fee agreed at booking.',
        array(
            select n.consultation_id::text
            from (
                select distinct p.consultation_id from app.payments as p where p.id >= v_first
            ) as n
            where app.payable_minor(n.consultation_id) < 0);

    return query
    select
        'refunds_never_exceed_their_payment',
        'Refunds of a payment never exceed it.',
        array(
            select n.refunded_payment_id::text
            from (
                select distinct p.refunded_payment_id
                from app.payments as p where p.id >= v_first and p.kind = 'refund'
            ) as n
            where app.refundable_minor(n.refunded_payment_id) < 0);

    return query
    select
        'a_provider_transaction_is_recorded_once',
        'No two payments have the same reference of the same provider.',
        array(
            select p.id::text
            from app.payments as p
            cross join lateral (
                select from app.payments as o
                where o.kind = 'payment'
                  and o.provider is not distinct from p.provider
                  and o.provider_reference = p.provider_reference
                  and o.id <> p.id
                limit 1
            ) as twice
            where p.id >= v_first and p.kind = 'payment');
end;
$$;

comment on function app.payments_invariants(timestamptz) is
'The invariants of payments, one row each. p_since: as in ops.check_invariants.';

reset role;

commit;
