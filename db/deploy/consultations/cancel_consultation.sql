-- Deploy telemed:consultations/cancel_consultation to pg

begin;

create function api.cancel_consultation(
    p_consultation_id uuid,
    p_reason text default null,
    p_idempotency_key text default null
)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_current app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_key app.idempotency_keys;
    v_consultation api.consultations;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'cancel_consultation', p_idempotency_key,
        jsonb_build_object('consultation_id', p_consultation_id, 'reason', p_reason));
    if v_key.created_at is not null then
        if v_actor.role <> 'patient' then
            perform app.record_read('cancel_consultation', array[p_consultation_id]);
        end if;
        return jsonb_populate_record(null::api.consultations, v_key.response);
    end if;

    -- Lock order: the consultation, then its doctor and slot (in the trigger). The row is read
    -- again, because a reschedule may have moved the start before the lock.
    select c.* into strict v_current
    from app.consultations as c where c.id = p_consultation_id for no key update;
    if v_current.status <> 'scheduled' then
        perform app.refuse_under_key(
            v_key, 'TM905', 'Only a scheduled consultation can be cancelled');
        return null;
    end if;
    if v_actor.role = 'patient' and v_current.starts_at <= app.clock() then
        perform app.refuse_under_key(
            v_key, 'TM906', 'A patient can cancel only before the consultation starts');
        return null;
    end if;

    update app.consultations
    set status = 'cancelled', cancellation_reason = p_reason
    where id = p_consultation_id;

    select c.* into strict v_consultation
    from api.consultations as c where c.id = p_consultation_id;
    if v_actor.role <> 'patient' then
        perform app.record_read('cancel_consultation', array[p_consultation_id]);
    end if;
    perform app.settle_key(v_key, p_consultation_id, to_jsonb(v_consultation));
    return v_consultation;
end;
$$;

comment on function api.cancel_consultation(uuid, text, text) is
'Cancels a scheduled consultation and opens its slot again, or withdraws the slot if its doctor has
time off or is deactivated. The patient can cancel before the start, the doctor and admins at any
time. The access log records it when a doctor or an admin calls. p_reason: 1 to 4000 characters.
p_idempotency_key is optional; TM905 and TM906 are stored under it, see app.refuse. Raises TM101,
TM102, TM203, TM208, TM302, TM403, TM905, TM906, TM991.';

grant execute on function api.cancel_consultation(uuid, text, text) to telemed_api, telemed_dba;

commit;
