-- Deploy telemed:payments/refundable_minor to pg

begin;

create function app.refundable_minor(p_payment_id uuid)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select p.amount_minor - coalesce((
            select sum(r.amount_minor) from app.payments as r
            where r.refunded_payment_id = p.id), 0)::bigint
        from app.payments as p
        where p.id = p_payment_id and p.kind = 'payment');
end;
$$;

comment on function app.refundable_minor(uuid) is
'What may still be refunded of a payment, in minor units; null when it is not a payment.
The caller holds the lock on the consultation.';

commit;
