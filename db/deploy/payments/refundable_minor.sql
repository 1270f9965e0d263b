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
'The amount of a payment that can still be refunded, in minor units. Null for a refund or an id that
does not exist. The caller must hold the lock on the consultation.';

commit;
