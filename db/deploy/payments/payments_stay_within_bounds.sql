-- Deploy telemed:payments/payments_stay_within_bounds to pg

begin;

set local role telemed_internal;
create function app.payments_stay_within_bounds()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_consultation app.consultations;
begin
    perform app.require_fresh_snapshot();
    -- The lock on the consultation makes sums over its payments safe under concurrency.
    select c.* into v_consultation
    from app.consultations as c where c.id = new.consultation_id for no key update;

    if new.kind = 'refund' then
        if new.amount_minor > coalesce(app.refundable_minor(new.refunded_payment_id), 0) then
            raise exception 'The refund is above what was captured' using errcode = 'TM909';
        end if;
        return new;
    end if;

    if v_consultation.currency <> new.currency then
        raise exception 'The currency is not that of the consultation'
            using errcode = 'TM205', column = 'currency';
    end if;
    if v_consultation.status = 'cancelled' then
        raise exception 'The consultation is cancelled' using errcode = 'TM905';
    end if;
    if new.amount_minor > app.payable_minor(new.consultation_id) then
        raise exception 'The payment is above what is due' using errcode = 'TM908';
    end if;
    return new;
end;
$$;

comment on function app.payments_stay_within_bounds() is
'Trigger: payments never exceed the fee of their consultation, refunds never exceed their payment,
also under concurrency. Raises TM205, TM208, TM905, TM908, TM909.';
reset role;

create trigger payments_stay_within_bounds
before insert on app.payments
for each row execute function app.payments_stay_within_bounds();

commit;
