-- Deploy telemed:consultations/reschedule_consultation to pg

begin;

create function api.reschedule_consultation(
    p_consultation_id uuid,
    p_slot_id uuid,
    p_idempotency_key text default null
)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient');
    v_current app.consultations := app.visible_consultation(v_actor, p_consultation_id);
    v_key app.idempotency_keys;
    v_slot app.availability_slots;
    v_reasons app.refusal_reason[];
    v_consultation api.consultations;
begin
    perform app.require_key(p_idempotency_key);
    v_key := app.claim_key(
        v_actor.user_id, 'reschedule_consultation', p_idempotency_key,
        jsonb_build_object('consultation_id', p_consultation_id, 'slot_id', p_slot_id));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.consultations, v_key.response);
    end if;

    select s.* into v_slot from app.availability_slots as s where s.id = p_slot_id;
    if not found then
        raise exception 'There is no such slot' using errcode = 'TM402';
    end if;
    if v_slot.doctor_id <> v_current.doctor_id then
        raise exception 'The slot belongs to another doctor: cancel and book again'
            using errcode = 'TM207', column = 'slot_id';
    end if;

    -- Lock order: the patient, the consultation, the doctor, then both slots by id. So two patients
    -- who reschedule to each other's slot do not deadlock.
    perform from app.users as u where u.id = v_actor.user_id for no key update;
    select c.* into strict v_current
    from app.consultations as c where c.id = p_consultation_id for no key update;
    perform from app.doctors as d where d.user_id = v_current.doctor_id for share;
    perform from app.availability_slots as s
    where s.id in (v_current.slot_id, p_slot_id)
    order by s.id
    for no key update;
    select s.* into strict v_slot from app.availability_slots as s where s.id = p_slot_id;

    v_reasons := array(
        select row(r.code, r.detail)::app.refusal_reason
        from (values
            (1, 'TM905', 'Only a scheduled consultation can be rescheduled',
             v_current.status <> 'scheduled'),
            (2, 'TM906', 'A patient can reschedule only before the consultation starts',
             v_current.starts_at <= app.clock()),
            (3, 'TM917', 'The consultation is already in this slot: choose another slot',
             v_current.slot_id = p_slot_id and v_current.status <> 'cancelled')
        ) as r (rank, code, detail, applies)
        where r.applies
        order by r.rank);
    if v_reasons <> '{}'
        or v_slot.status <> 'open'
        or v_slot.starts_at <= app.clock()
        or app.patient_is_busy(
            v_actor.user_id, v_slot.starts_at, v_slot.ends_at, p_consultation_id) then
        perform app.refuse_slot(v_key, v_slot, v_reasons, p_consultation_id);
        return null;
    end if;

    update app.consultations set slot_id = p_slot_id where id = p_consultation_id;

    select c.* into strict v_consultation
    from api.consultations as c where c.id = p_consultation_id;
    perform app.settle_key(v_key, p_consultation_id, to_jsonb(v_consultation));
    return v_consultation;
end;
$$;

comment on function api.reschedule_consultation(uuid, uuid, text) is
'Moves a scheduled consultation of the calling patient to another open slot of the same doctor in
one transaction. The consultation keeps its id, its fee and its currency. Its former slot becomes
open, or withdrawn if the doctor has time off or is deactivated. p_idempotency_key is required.
Raises TM101, TM102, TM203, TM206, TM207, TM208, TM301, TM302, TM402, TM403, TM901, TM903, TM904,
TM905, TM906, TM917 (the consultation is already in the slot), TM918 (another consultation of the
patient is in the slot), TM991. The TM9 refusals except TM991 are stored under the key, see
app.refuse; their DETAIL lists all reasons and free slots of the doctor, see app.refuse_slot.';

grant execute on function api.reschedule_consultation(uuid, uuid, text) to telemed_api, telemed_dba;

commit;
