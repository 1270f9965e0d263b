-- Deploy telemed:scheduling/withdraw_slot to pg

begin;

create function api.withdraw_slot(p_slot_id uuid)
returns api.availability_slots
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_status text;
    v_slot api.availability_slots;
begin
    -- A concurrent booking holds the slot's row: this waits, then sees the status that it leaves.
    select s.status into v_status
    from app.availability_slots as s
    where s.id = p_slot_id and s.doctor_id = v_actor.user_id
    for no key update;
    if not found then
        raise exception 'You have no such slot' using errcode = 'TM402';
    end if;
    if v_status = 'booked' then
        raise exception 'The slot is booked: cancel its consultation first' using errcode = 'TM910';
    end if;

    update app.availability_slots set status = 'withdrawn'
    where id = p_slot_id and status = 'open';

    select * into strict v_slot from api.availability_slots where id = p_slot_id;
    return v_slot;
end;
$$;

comment on function api.withdraw_slot(uuid) is
'Withdraws an open slot of the calling doctor; a withdrawn slot stays as it is. Raises TM101, TM102,
TM301, TM302, TM402, TM910.';

grant execute on function api.withdraw_slot(uuid) to telemed_api, telemed_dba;

commit;
