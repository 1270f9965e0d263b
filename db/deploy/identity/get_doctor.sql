-- Deploy telemed:identity/get_doctor to pg

begin;

-- Without next_free_at, which api.listed_doctors has: each booking would change the entity tag of
-- the doctor, and api.update_doctor would refuse a change that nobody else's change contradicts.
create function api.get_doctor(p_doctor_id uuid)
returns api.doctors
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_doctor api.doctors;
begin
    select * into v_doctor from api.doctors where id = p_doctor_id;
    -- A patient who has or has had a consultation can still read a deactivated doctor.
    if not found or not (
        v_doctor.is_active
        or v_actor.role = 'admin'
        or app.doctor_has_patient(p_doctor_id, v_actor.user_id)) then
        raise exception 'There is no such doctor' using errcode = 'TM401';
    end if;
    return v_doctor;
end;
$$;

comment on function api.get_doctor(uuid) is
'One doctor. A deactivated doctor can be read only by admins, and by patients who have or have had a
consultation with the doctor. Raises TM101, TM102, TM302, TM401.';

grant execute on function api.get_doctor(uuid) to telemed_api, telemed_dba;

commit;
