-- Deploy telemed:consultations/refuse_slot to pg

begin;

create type app.refusal_reason as (code text, detail text);

comment on type app.refusal_reason is
'One reason of a refusal: a code of db/errors.md, and a sentence for people.';

create function app.refuse_slot(
    p_key app.idempotency_keys,
    p_slot app.availability_slots,
    p_reasons app.refusal_reason[] default '{}',
    p_except_consultation_id uuid default null
)
returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_patient_id uuid := p_key.user_id;
    v_is_there boolean := false;
    -- The caller learns whether they hold the slot, and not who else does.
    v_holds boolean := p_slot.status <> 'open'
        and app.patient_holds_slot(v_patient_id, p_slot.id, p_except_consultation_id);
    -- The times of the patient's other consultations, of which each lasts at most 24 hours.
    v_busy tstzmultirange := (
        select range_agg(tstzrange(c.starts_at, c.ends_at))
        from app.consultations as c
        where c.patient_id = v_patient_id
          and c.status = 'scheduled'
          and c.starts_at > p_slot.starts_at - interval '24 hours'
          and c.slot_id <> p_slot.id
          and c.id is distinct from p_except_consultation_id);
    v_reasons app.refusal_reason[];
    v_alternatives jsonb;
begin
    if p_except_consultation_id is not null then
        v_is_there := exists (
            select from app.consultations as c
            where c.id = p_except_consultation_id
              and c.slot_id = p_slot.id
              and c.status <> 'cancelled');
    end if;
    v_reasons := p_reasons || array(
        select row(r.code, r.detail)::app.refusal_reason
        from (values
            (1, 'TM918', 'You have already booked this slot', v_holds),
            (2, 'TM901', 'The slot is not open: choose another slot',
             p_slot.status <> 'open' and not v_is_there and not v_holds),
            (3, 'TM903', 'The slot has already begun: choose a later slot',
             p_slot.starts_at <= app.clock()),
            (4, 'TM904', 'You have another consultation at this time: choose another slot',
             v_busy && tstzrange(p_slot.starts_at, p_slot.ends_at))
        ) as r (rank, code, detail, applies)
        where r.applies
        order by r.rank);
    v_alternatives := (
        select coalesce(jsonb_agg(a order by a.starts_at, a.id), '[]')
        from (
            select s.id, s.starts_at, s.ends_at
            from app.availability_slots as s
            where s.doctor_id = p_slot.doctor_id
              and s.status = 'open'
              and s.starts_at > greatest(p_slot.starts_at, app.clock())
              and (tstzrange(s.starts_at, s.ends_at) && v_busy) is not true
            order by s.starts_at, s.id
            limit 5
        ) as a);
    perform app.refuse_under_key(
        p_key,
        v_reasons[1].code,
        v_reasons[1].detail,
        jsonb_build_object('reasons', to_jsonb(v_reasons), 'alternatives', v_alternatives));
end;
$$;

comment on function app.refuse_slot(
    app.idempotency_keys, app.availability_slots, app.refusal_reason[], uuid
) is
'Refuses a slot to the patient of p_key by app.refuse_under_key, with the first of all reasons:
those of p_reasons, then those of the slot. The DETAIL has "reasons", all of them, and
"alternatives": up to five open slots of the same doctor that begin after p_slot and after the
present time, and at which the patient has no other consultation. p_except_consultation_id: a
consultation that is to move into p_slot. Raises TM901, TM903, TM904, TM918.';

commit;
