-- Deploy telemed:consultations/book_consultation to pg

begin;

create function api.book_consultation(
    p_slot_id uuid,
    p_reason text default null,
    p_idempotency_key text default null
)
returns api.consultations
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient');
    v_key app.idempotency_keys;
    v_slot app.availability_slots;
    v_lacks_verified_email boolean;
    v_consultation api.consultations;
begin
    perform app.require_key(p_idempotency_key);
    v_key := app.claim_key(
        v_actor.user_id, 'book_consultation', p_idempotency_key,
        jsonb_build_object('slot_id', p_slot_id, 'reason', p_reason));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.consultations, v_key.response);
    end if;

    -- A check before the lock: most requests for a slot that is not open end here without waiting.
    select s.* into v_slot from app.availability_slots as s where s.id = p_slot_id;
    if not found then
        raise exception 'There is no such slot' using errcode = 'TM402';
    end if;

    if v_slot.status = 'open' then
        -- Lock order: the patient, then the slot. The lock on the patient's row serialises two
        -- bookings of one patient before consultations_of_a_patient_never_overlap.
        -- The setting is read in this query, because one of its own would take longer.
        select u.email_verified_at is null
           and (select s.verified_email_required from app.clinic_settings as s)
        into v_lacks_verified_email
        from app.users as u
        where u.id = v_actor.user_id and u.deactivated_at is null
        for no key update;
        if not found then
            raise exception 'Your account is deactivated' using errcode = 'TM102';
        end if;
        if v_lacks_verified_email then
            raise exception 'Verify your e-mail address first, with the token that was sent to it'
                using errcode = 'TM303';
        end if;
        select s.* into strict v_slot
        from app.availability_slots as s where s.id = p_slot_id for no key update;
    end if;

    if v_slot.status <> 'open'
        or v_slot.starts_at <= app.clock()
        or app.patient_is_busy(v_actor.user_id, v_slot.starts_at, v_slot.ends_at) then
        perform app.refuse_slot(v_key, v_slot);
        return null;
    end if;

    insert into app.consultations
        (slot_id, doctor_id, patient_id, starts_at, ends_at, reason, fee_minor, currency)
    select
        v_slot.id, d.user_id, v_actor.user_id, v_slot.starts_at, v_slot.ends_at, p_reason,
        d.fee_minor, d.currency
    from app.doctors as d
    where d.user_id = v_slot.doctor_id
    -- A row of api.consultations: a query of the view after the insert would take longer.
    returning
        id, slot_id, doctor_id,
        (select d.full_name::text from app.doctors as d where d.user_id = consultations.doctor_id),
        patient_id,
        (select p.full_name::text from app.profiles as p
         where p.user_id = consultations.patient_id),
        starts_at::timestamptz, ends_at::timestamptz, status, reason::text, notes::text,
        cancellation_reason::text, fee_minor::bigint, currency::text,
        app.currency_exponent(currency), created_at::timestamptz, updated_at::timestamptz
    into v_consultation;
    perform app.settle_key(v_key, v_consultation.id, to_jsonb(v_consultation));
    return v_consultation;
end;
$$;

comment on function api.book_consultation(uuid, text, text) is
'Books an open slot for the calling patient at the doctor''s current fee. p_reason: 1 to 4000
characters. p_idempotency_key is required: a retry under the same key returns the first answer and
books nothing (draft-ietf-httpapi-idempotency-key-header). Raises TM101, TM102, TM203, TM206, TM301,
TM302, TM303 (the address is not verified, see ops.require_verified_email), TM402, TM901 (the slot
is not open), TM903 (the slot has begun), TM904 (the patient has another consultation at this time),
TM918 (the patient has already booked the slot), TM991. TM901, TM903, TM904 and TM918 are stored
under the key, see app.refuse; their DETAIL lists all reasons and free slots of the doctor, see
app.refuse_slot.';

grant execute on function api.book_consultation(uuid, text, text) to telemed_api, telemed_dba;

commit;
