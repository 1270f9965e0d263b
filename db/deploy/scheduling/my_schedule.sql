-- Deploy telemed:scheduling/my_schedule to pg

begin;

create type api.schedule_entries as (
    kind text,
    id uuid,
    starts_at timestamptz,
    ends_at timestamptz,
    status text,
    patient_id uuid,
    patient_name text,
    reason text
);

comment on type api.schedule_entries is
'An entry of a doctor''s schedule. kind: slot (an open slot), consultation or time_off; id: that of
the slot, the consultation or the time off. status: open for a slot, scheduled or completed for a
consultation, null for time off. patient_id, patient_name: of a consultation. reason: of a
consultation or of time off.';

create function api.my_schedule(
    p_from date default null,
    p_to date default null,
    p_time_zone text default null
)
returns setof api.schedule_entries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_zone text;
    v_first date;
    v_last date;
    v_begins timestamptz;
    v_ends timestamptz;
    v_ids uuid[];
begin
    if p_time_zone is not null then
        perform app.require_time_zone(p_time_zone);
    end if;
    select coalesce(p_time_zone, d.time_zone) into strict v_zone
    from app.doctors as d where d.user_id = v_actor.user_id;
    v_first := coalesce(p_from, (app.clock() at time zone v_zone)::date);
    if v_first not between '1900-01-01' and '9999-12-31' then
        raise exception 'from must be a day from 1900 to 9999'
            using errcode = 'TM202', column = 'from';
    end if;
    v_last := coalesce(p_to, least(v_first + 6, '9999-12-31'));
    if v_last < v_first or v_last > least(v_first + 30, '9999-12-31') then
        raise exception 'to must be from 0 to 30 days after from'
            using errcode = 'TM202', column = 'to';
    end if;
    v_begins := app.instant_of(v_first::timestamp, v_zone);
    -- "at time zone" takes the later of two instants, which suits an end.
    v_ends := (v_last + 1)::timestamp at time zone v_zone;

    -- No slot is longer than 24 hours: the constraint
    -- availability_slots_last_from_1_minute_to_24_hours.
    v_ids := array(
        select c.id from app.consultations as c
        where c.doctor_id = v_actor.user_id
          and c.status <> 'cancelled'
          and c.starts_at > v_begins - interval '24 hours'
          and c.starts_at < v_ends
          and c.ends_at > v_begins);
    perform app.record_read('my_schedule', v_ids);

    return query
    select
        'slot', s.id, s.starts_at::timestamptz, s.ends_at::timestamptz, s.status, null::uuid,
        null::text, null::text
    from app.availability_slots as s
    where s.doctor_id = v_actor.user_id
      and s.status = 'open'
      and s.starts_at > v_begins - interval '24 hours'
      and s.starts_at < v_ends
      and s.ends_at > v_begins
    union all
    select
        'consultation', c.id, c.starts_at, c.ends_at, c.status, c.patient_id, c.patient_name,
        c.reason
    from api.consultations as c
    where c.id = any (v_ids)
    union all
    select
        'time_off', t.id, t.starts_at, t.ends_at, null::text, null::uuid, null::text, t.reason
    from api.time_off as t
    where t.doctor_id = v_actor.user_id
      and t.starts_at < v_ends
      and t.ends_at > v_begins
    order by 3, 4, 2;
end;
$$;

comment on function api.my_schedule is
'What is on the days from p_from to p_to (both included) in the schedule of the calling doctor, by
clocks in p_time_zone: open slots, consultations that are not cancelled, and time off, in the order
of their starts. Entries that begin before the first day or end after the last one are included, so
the schedule shows what covers a day. By default seven days from today on, in the time zone of the
doctor; at most 31 days. The access log records the call. Raises TM101, TM102, TM202, TM204, TM301,
TM302.';

grant execute on function api.my_schedule to telemed_api, telemed_dba;

commit;
