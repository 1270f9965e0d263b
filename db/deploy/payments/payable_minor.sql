-- Deploy telemed:payments/payable_minor to pg

begin;

create function app.payable_minor(p_consultation_id uuid)
returns bigint
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select c.fee_minor - coalesce((
            select sum(case p.kind when 'payment' then p.amount_minor else -p.amount_minor end)
            from app.payments as p
            where p.consultation_id = c.id), 0)::bigint
        from app.consultations as c
        where c.id = p_consultation_id);
end;
$$;

comment on function app.payable_minor(uuid) is
'The amount that can still be paid for a consultation, in minor units: its fee less its net payment.
Null if the consultation does not exist. The caller must hold the lock on the consultation.';

commit;
