-- Deploy telemed:consultations/get_consultation to pg

begin;

create function api.get_consultation(p_consultation_id uuid)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_consultation api.consultations;
begin
    -- The rule of app.visible_consultation, in the query that also finds the names.
    select c.* into v_consultation
    from api.consultations as c
    where c.id = p_consultation_id
      and (v_actor.role = 'admin'
           or (v_actor.role = 'patient' and c.patient_id = v_actor.user_id)
           or (v_actor.role = 'doctor' and c.doctor_id = v_actor.user_id));
    if not found then
        raise exception 'There is no such consultation, or it is not yours' using errcode = 'TM403';
    end if;
    if v_actor.role <> 'patient' then
        perform app.record_read('get_consultation', array[p_consultation_id]);
    end if;
    return v_consultation;
end;
$$;

comment on function api.get_consultation(uuid) is
'Returns one consultation to its patient, its doctor and admins. The access log records it when a
doctor or an admin reads. Raises TM101, TM102, TM302, TM403.';

grant execute on function api.get_consultation(uuid) to telemed_api, telemed_dba;

commit;
