-- Deploy telemed:consultations/complete_consultation to pg

begin;

create function api.complete_consultation(
    p_consultation_id uuid,
    p_notes text default null,
    p_idempotency_key text default null
)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_current app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_key app.idempotency_keys;
    v_consultation api.consultations;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'complete_consultation', p_idempotency_key,
        jsonb_build_object('consultation_id', p_consultation_id, 'notes', p_notes));
    if v_key.created_at is not null then
        perform app.record_read('complete_consultation', array[p_consultation_id]);
        return jsonb_populate_record(null::api.consultations, v_key.response);
    end if;

    -- Lock order: the consultation. The second of two concurrent changes waits here and then finds
    -- the consultation no longer scheduled, or at another time.
    select c.* into strict v_current
    from app.consultations as c where c.id = p_consultation_id for no key update;
    if v_current.status <> 'scheduled' then
        perform app.refuse_under_key(
            v_key, 'TM905', 'Only a scheduled consultation can be completed');
        return null;
    end if;
    if app.clock() < app.completable_from(v_current.starts_at) then
        perform app.refuse_under_key(
            v_key, 'TM924', 'It is too early to complete the consultation: wait until its start');
        return null;
    end if;
    update app.consultations
    set status = 'completed', notes = p_notes
    where id = p_consultation_id;

    select c.* into strict v_consultation
    from api.consultations as c where c.id = p_consultation_id;
    perform app.record_read('complete_consultation', array[p_consultation_id]);
    perform app.settle_key(v_key, p_consultation_id, to_jsonb(v_consultation));
    return v_consultation;
end;
$$;

comment on function api.complete_consultation(uuid, text, text) is
'Completes a scheduled consultation of the calling doctor, at the earliest 15 minutes before its
start (the completion lead, see ops.set_completion_lead). A completed consultation cannot change.
The access log records the call, because the answer has data of the patient.
p_notes: 1 to 4000 characters. p_idempotency_key is optional; TM905 and TM924 are stored under it,
see app.refuse. Raises TM101, TM102, TM203, TM301, TM302, TM403, TM905, TM924, TM991.';

grant execute on function api.complete_consultation(uuid, text, text) to telemed_api, telemed_dba;

commit;
