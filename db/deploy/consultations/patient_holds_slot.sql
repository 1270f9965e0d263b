-- Deploy telemed:consultations/patient_holds_slot to pg

begin;

create function app.patient_holds_slot(
    p_patient_id uuid,
    p_slot_id uuid,
    p_except_consultation_id uuid default null
)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from app.consultations as c
        where c.slot_id = p_slot_id
          and c.status <> 'cancelled'
          and c.patient_id = p_patient_id
          and c.id is distinct from p_except_consultation_id);
end;
$$;

comment on function app.patient_holds_slot(uuid, uuid, uuid) is
'Whether a slot is held by a consultation of a patient that is not cancelled. The consultation
p_except_consultation_id does not count.';

commit;
