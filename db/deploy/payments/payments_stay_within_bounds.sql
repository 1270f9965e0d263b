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
    -- The lock on the consultation serialises the checks of sums over its payments.
    select c.* into v_consultation
    from app.consultations as c where c.id = new.consultation_id for no key update;

    if new.kind = 'refund' then
        if new.amount_minor > coalesce(app.refundable_minor(new.refunded_payment_id), 0) then
            raise exception 'The refund exceeds what is left of the payment'
                using errcode = 'TM909';
        end if;
        return new;
    end if;

    if v_consultation.currency <> new.currency then
        raise exception 'The currency must be that of the consultation'
            using errcode = 'TM205', column = 'currency';
    end if;
    if v_consultation.status = 'cancelled' then
        raise exception 'A cancelled consultation cannot be paid' using errcode = 'TM905';
    end if;
    if new.amount_minor > app.payable_minor(new.consultation_id) then
        raise exception 'The payment exceeds the amount due' using errcode = 'TM908';
    end if;
    return new;
end;
$$;

comment on function app.payments_stay_within_bounds() is
'Trigger: the net payment of a consultation never exceeds its fee, and refunds never exceed their
payment, also under concurrency. A cancelled consultation gets no payment. Raises TM205, TM208,
TM905, TM908, TM909.';
reset role;

create trigger payments_stay_within_bounds
before insert on app.payments
for each row execute function app.payments_stay_within_bounds();

commit;
