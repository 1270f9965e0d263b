-- Deploy telemed:consultations/patient_is_busy to pg

begin;

create function app.patient_is_busy(
    p_patient_id uuid,
    p_starts_at timestamptz,
    p_ends_at timestamptz,
    p_except_consultation_id uuid default null
)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
    -- A consultation lasts at most 24 hours. Row-level security applies before operators that are
    -- not leakproof, such as &&, so an index cannot serve them.
    return exists (
        select from app.consultations as c
        where c.patient_id = p_patient_id
          and c.status = 'scheduled'
          and c.starts_at > p_starts_at - interval '24 hours'
          and c.starts_at < p_ends_at
          and c.ends_at > p_starts_at
          and c.id is distinct from p_except_consultation_id);
end;
$$;

comment on function app.patient_is_busy(uuid, timestamptz, timestamptz, uuid) is
'Whether a patient has a scheduled consultation that overlaps the time from p_starts_at to
p_ends_at. The consultation p_except_consultation_id does not count.';

commit;
