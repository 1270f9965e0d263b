-- Deploy telemed:consultations/cancel_consultation to pg

begin;

create function api.cancel_consultation(p_consultation_id uuid, p_reason text default null)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_current app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_consultation api.consultations;
begin
    -- Lock order: the consultation, then its doctor and slot (in the trigger). What was read before
    -- the lock may be old: a reschedule may have moved the start.
    select c.* into strict v_current
    from app.consultations as c where c.id = p_consultation_id for no key update;
    if v_current.status <> 'scheduled' then
        raise exception 'Only a scheduled consultation can be cancelled' using errcode = 'TM905';
    end if;
    if v_actor.role = 'patient' and v_current.starts_at <= app.clock() then
        raise exception 'A patient can cancel only before the start' using errcode = 'TM906';
    end if;

    update app.consultations
    set status = 'cancelled', cancellation_reason = p_reason
    where id = p_consultation_id;

    select c.* into strict v_consultation
    from api.consultations as c where c.id = p_consultation_id;
    return v_consultation;
end;
$$;

comment on function api.cancel_consultation(uuid, text) is
'Cancels a scheduled consultation and frees its slot: its patient before the start, its doctor and
admins at any time. Raises TM101, TM102, TM208, TM403, TM905, TM906.';

grant execute on function api.cancel_consultation(uuid, text) to telemed_api, telemed_dba;

commit;
