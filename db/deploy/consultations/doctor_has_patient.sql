-- Deploy telemed:consultations/doctor_has_patient to pg

begin;

set local role telemed_internal;
create or replace function app.doctor_has_patient(p_doctor_id uuid, p_patient_id uuid)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set enable_bitmapscan = off
as $$
begin
    -- By the few consultations of the patient, not by all of the doctor's. The latest first: a
    -- doctor reads those, and the patient may have hundreds of earlier ones with other doctors.
    return coalesce(
        (select true
         from app.consultations as c
         where c.patient_id = p_patient_id and c.doctor_id = p_doctor_id
         order by c.starts_at desc
         limit 1),
        false);
end;
$$;
reset role;

commit;
