-- Deploy telemed:consultations/get_consultation to pg

begin;

create function api.get_consultation(p_consultation_id uuid)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_visible app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_consultation api.consultations;
begin
    if v_actor.role <> 'patient' then
        perform app.record_read('get_consultation', array[p_consultation_id]);
    end if;
    select c.* into strict v_consultation from api.consultations as c where c.id = v_visible.id;
    return v_consultation;
end;
$$;

comment on function api.get_consultation(uuid) is
'Returns one consultation to its patient, its doctor and admins. The access log records it when a
doctor or an admin reads. Raises TM101, TM102, TM302, TM403.';

grant execute on function api.get_consultation(uuid) to telemed_api, telemed_dba;

commit;
