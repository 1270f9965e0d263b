-- Revert telemed:consultations/doctor_has_patient from pg

begin;

set local role telemed_internal;
create or replace function app.doctor_has_patient(p_doctor_id uuid, p_patient_id uuid)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_bitmapscan = off
as $$
begin
    -- By the few consultations of the patient, not by all of the doctor's.
    return exists (
        select from app.consultations as c
        where c.patient_id = p_patient_id and c.doctor_id = p_doctor_id);
end;
$$;
reset role;

commit;
