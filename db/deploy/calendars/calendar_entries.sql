-- Deploy telemed:calendars/calendar_entries to pg

begin;

create type api.calendar_entries as (
    consultation_id uuid,
    sequence integer,
    status text,
    doctor_name text,
    starts_at timestamptz,
    ends_at timestamptz,
    starts_at_local text,
    ends_at_local text,
    time_zone text,
    language text,
    created_at timestamptz,
    updated_at timestamptz
);

comment on type api.calendar_entries is
'A consultation as it stands in the calendar of one reader, without clinical text and without the
patient. sequence: how often it was rescheduled or cancelled. doctor_name: null if the reader is the
doctor. starts_at_local, ends_at_local: date, time and offset of the clocks in time_zone, which is
that of the reader, or of the doctor''s practice. language: that of the reader; null if unknown.';

create function app.local_time_text(p_at timestamptz, p_time_zone text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_local constant timestamp := p_at at time zone p_time_zone;
    v_offset constant numeric := extract(epoch from v_local - p_at at time zone 'UTC');
begin
    return to_char(v_local, 'YYYY-MM-DD HH24:MI') || ' (UTC'
        || case when v_offset < 0 then '-' else '+' end
        || to_char(make_interval(secs => abs(v_offset)::double precision), 'HH24:MI')
        || ')';
end;
$$;

comment on function app.local_time_text(timestamptz, text) is
'Date and time of the clocks in p_time_zone with their offset, such as 2027-01-05 10:00 (UTC+01:00).
The offset tells the two times apart that clocks show twice.';

set local role telemed_internal;
create function app.calendar_entries_of(p_consultation_ids uuid[], p_reader_id uuid)
returns setof api.calendar_entries
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select
        c.id,
        c.calendar_sequence,
        c.status,
        case when c.doctor_id <> p_reader_id then d.full_name::text end,
        c.starts_at::timestamptz,
        c.ends_at::timestamptz,
        app.local_time_text(c.starts_at, z.time_zone),
        app.local_time_text(c.ends_at, z.time_zone),
        z.time_zone,
        p.language,
        c.created_at::timestamptz,
        c.updated_at::timestamptz
    from app.consultations as c
    inner join app.doctors as d on d.user_id = c.doctor_id
    inner join app.profiles as p on p.user_id = p_reader_id
    cross join lateral (select coalesce(p.time_zone, d.time_zone)::text as time_zone) as z
    where c.id = any (p_consultation_ids)
    order by c.starts_at, c.id;
end;
$$;

comment on function app.calendar_entries_of(uuid[], uuid) is
'The consultations p_consultation_ids as they stand in the calendar of the user p_reader_id, the
earliest first. The caller has checked that the reader may see them.';

commit;
