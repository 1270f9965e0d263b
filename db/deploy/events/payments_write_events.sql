-- Deploy telemed:events/payments_write_events to pg

begin;

set local role telemed_internal;
create function app.payments_write_events()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.add_event(
        new.kind || '.recorded',
        jsonb_build_object(
            'payment_id', new.id, 'amount_minor', new.amount_minor, 'currency', new.currency,
            'method', new.method)
        || case new.kind
            when 'refund' then jsonb_build_object('refunded_payment_id', new.refunded_payment_id)
            else '{}'
        end,
        c.id, c.slot_id, c.doctor_id, c.patient_id)
    from app.consultations as c
    where c.id = new.consultation_id;
    return null;
end;
$$;

comment on function app.payments_write_events() is
'Trigger: an event for each payment and each refund. Raises TM101.';
reset role;

create trigger payments_write_events
after insert on app.payments
for each row execute function app.payments_write_events();

commit;
