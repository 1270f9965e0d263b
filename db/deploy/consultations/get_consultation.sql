-- Deploy telemed:consultations/get_consultation to pg

begin;

create function api.get_consultation(p_consultation_id uuid)
returns api.consultations
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set app.verified_user_id = '' set app.verified_role = ''
as $$
declare
    v_visible app.consultations :=
        app.visible_consultation(app.current_actor(), p_consultation_id);
    v_consultation api.consultations;
begin
    select c.* into strict v_consultation from api.consultations as c where c.id = v_visible.id;
    return v_consultation;
end;
$$;

comment on function api.get_consultation(uuid) is
'One consultation, for its patient, its doctor and admins. Raises TM101, TM102, TM302, TM403.';

grant execute on function api.get_consultation(uuid) to telemed_api, telemed_dba;

commit;
