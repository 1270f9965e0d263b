-- Deploy telemed:identity/get_doctor to pg

begin;

create function api.get_doctor(p_doctor_id uuid)
returns api.doctors
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_doctor api.doctors;
begin
    perform app.current_actor();

    select * into v_doctor from api.doctors where id = p_doctor_id;
    if not found then
        raise exception 'There is no such doctor' using errcode = 'TM401';
    end if;
    return v_doctor;
end;
$$;

comment on function api.get_doctor(uuid) is 'One doctor. Raises TM101, TM102, TM302, TM401.';

grant execute on function api.get_doctor(uuid) to telemed_api, telemed_dba;

commit;
