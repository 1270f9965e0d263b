-- Deploy telemed:consultations/consultation_digest to pg

begin;

-- Times are seconds since 1970, which do not depend on the session's time zone.
create function app.consultation_digest(p_consultation app.consultations)
returns bytea
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(
        jsonb_build_array(
            p_consultation.id,
            p_consultation.slot_id,
            p_consultation.doctor_id,
            p_consultation.patient_id,
            extract(epoch from p_consultation.starts_at),
            extract(epoch from p_consultation.ends_at),
            p_consultation.status,
            p_consultation.reason,
            p_consultation.notes,
            p_consultation.fee_minor,
            p_consultation.currency,
            extract(epoch from p_consultation.created_at),
            extract(epoch from p_consultation.updated_at),
            p_consultation.calendar_sequence)::text,
        'UTF8'));
end;
$$;

comment on function app.consultation_digest(app.consultations) is
'The SHA-256 of all columns that can differ between completed consultations.';

commit;
