-- Deploy telemed:scheduling/get_slot to pg

begin;

create function api.get_slot(p_slot_id uuid)
returns api.availability_slots
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_slot api.availability_slots;
begin
    select s.* into v_slot from api.availability_slots as s where s.id = p_slot_id;
    if not found or not (
        v_slot.status = 'open'
        or v_actor.role = 'admin'
        or v_slot.doctor_id = v_actor.user_id
        or app.patient_holds_slot(v_actor.user_id, p_slot_id)) then
        raise exception 'There is no such slot, or it is no longer open' using errcode = 'TM402';
    end if;
    return v_slot;
end;
$$;

comment on function api.get_slot(uuid) is
'Returns an open slot to every user, and any slot to its doctor, to the patient who holds it and to
admins. Raises TM101, TM102, TM302, TM402.';

grant execute on function api.get_slot(uuid) to telemed_api, telemed_dba;

commit;
