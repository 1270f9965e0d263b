-- Deploy telemed:prescriptions/get_prescription to pg

begin;

create function api.get_prescription(p_prescription_id uuid)
returns api.prescriptions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_prescription api.prescriptions;
begin
    select p.* into v_prescription
    from api.prescriptions as p
    where p.id = p_prescription_id
      and (v_actor.role = 'admin'
           or (v_actor.role = 'patient' and p.patient_id = v_actor.user_id)
           or (v_actor.role = 'doctor' and p.doctor_id = v_actor.user_id));
    if not found then
        raise exception 'There is no such prescription, or it is not yours'
            using errcode = 'TM408';
    end if;
    if v_actor.role <> 'patient' then
        perform app.record_read('get_prescription', array[v_prescription.consultation_id]);
    end if;
    return v_prescription;
end;
$$;

comment on function api.get_prescription(uuid) is
'Returns one prescription to its patient, its doctor and admins. The access log records it when a
doctor or an admin reads. Raises TM101, TM102, TM302, TM408.';

grant execute on function api.get_prescription(uuid) to telemed_api, telemed_dba;

commit;
