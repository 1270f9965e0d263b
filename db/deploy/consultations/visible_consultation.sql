-- Deploy telemed:consultations/visible_consultation to pg

begin;

create function app.visible_consultation(p_actor app.actor, p_consultation_id uuid)
returns app.consultations
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_consultation app.consultations;
begin
    select c.* into v_consultation
    from app.consultations as c
    where c.id = p_consultation_id
      and (p_actor.role = 'admin'
           or (p_actor.role = 'patient' and c.patient_id = p_actor.user_id)
           or (p_actor.role = 'doctor' and c.doctor_id = p_actor.user_id));
    if not found then
        raise exception 'There is no such consultation, or it is not yours' using errcode = 'TM403';
    end if;
    return v_consultation;
end;
$$;

comment on function app.visible_consultation(app.actor, uuid) is
'Returns the consultation if p_actor is its patient, its doctor or an admin. For every other actor
it does not exist. Raises TM403.';

commit;
