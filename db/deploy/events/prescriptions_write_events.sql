-- Deploy telemed:events/prescriptions_write_events to pg

begin;

set local role telemed_internal;
create function app.prescriptions_write_events()
returns trigger
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.add_event(
        'prescription.issued', jsonb_build_object('prescription_id', new.id),
        c.id, c.slot_id, c.doctor_id, c.patient_id)
    from app.consultations as c
    where c.id = new.consultation_id;
    return null;
end;
$$;

comment on function app.prescriptions_write_events() is
'Trigger: an event for each prescription, with its id and nothing that it says. Raises TM101.';
reset role;

create trigger prescriptions_write_events
after insert on app.prescriptions
for each row execute function app.prescriptions_write_events();

commit;
