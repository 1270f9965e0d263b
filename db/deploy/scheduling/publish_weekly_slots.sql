-- Deploy telemed:scheduling/publish_weekly_slots to pg

begin;

create type api.skipped_slot as (starts_at_local timestamp, reason text, starts_at timestamptz);

comment on type api.skipped_slot is
'A slot that was not published. starts_at_local: its local start in the requested time zone.
starts_at: the start as an instant, which distinguishes the two occurrences of a repeated local
time; null for a skipped local time. reason: no_such_local_time (clocks skip it), in_the_past (it
starts now or earlier), already_published (the same slot exists), does_not_fit (clocks go forward,
and the hours end before the slot does), overlaps (it overlaps a slot that exists or that this call
publishes) or time_off (it overlaps time off).';

create type api.weekly_publication as (items api.availability_slots[], skipped api.skipped_slot[]);

comment on type api.weekly_publication is 'The published slots and the skipped slots.';

create function api.publish_weekly_slots(
    p_from date,
    p_to date,
    p_weekdays integer[],
    p_start_time time,
    p_end_time time,
    p_slot_minutes integer,
    p_time_zone text default null,
    p_idempotency_key text default null
)
returns api.weekly_publication
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_length interval := make_interval(mins => p_slot_minutes);
    v_hours interval := p_end_time - p_start_time
        + case when p_end_time < p_start_time then interval '24 hours' else interval '0' end;
    v_key app.idempotency_keys;
    v_time_zone text;
    v_candidate record;
    v_reason text;
    v_published_until timestamptz := timestamptz '-infinity';
    v_starts timestamptz[] := array[]::timestamptz[];
    v_local_starts timestamp[] := array[]::timestamp[];
    v_skipped api.skipped_slot[] := array[]::api.skipped_slot[];
    v_publication api.weekly_publication;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'publish_weekly_slots', p_idempotency_key,
        jsonb_build_object(
            -- Later days are refused below; the last ones of the calendar are out of range here.
            'from', to_char(least(p_from, '9999-12-31'), 'YYYY-MM-DD'),
            'to', to_char(least(p_to, '9999-12-31'), 'YYYY-MM-DD'),
            'weekdays', array(select distinct d from unnest(p_weekdays) as d order by d),
            'start_time', p_start_time, 'end_time', p_end_time, 'slot_minutes', p_slot_minutes,
            'time_zone', p_time_zone));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.weekly_publication, v_key.response);
    end if;

    perform app.refuse_faults(array(
        select row(f.field, f.code, f.detail)::app.fault
        from (values
            (p_from is null or p_to is null or p_from < '1900-01-01' or p_to > '9998-12-31'
                or p_to < p_from or p_to > least(p_from, '9998-12-31') + 366,
                'to', 'TM202',
                'from and to are required: to must be from 0 to 366 days after from, both in the'
                ' years 1900 to 9998'),
            (p_slot_minutes is null or p_slot_minutes not between 5 and 1440,
                'slot_minutes', 'TM201', 'slot_minutes must be from 5 to 1440'),
            (p_start_time = '24:00',
                'start_time', 'TM202',
                'start_time must be before 24:00: the next day begins at 00:00'),
            (p_end_time = p_start_time,
                'end_time', 'TM202',
                'end_time must differ from start_time: a whole day is from 00:00 to 24:00'),
            (v_hours is null or (v_hours < v_length and p_end_time <> p_start_time),
                'end_time', 'TM202', 'At least one slot must fit between start_time and end_time'),
            (coalesce(cardinality(p_weekdays), 0) = 0 or not p_weekdays <@ '{1,2,3,4,5,6,7}',
                'weekdays', 'TM201', 'weekdays must be numbers from 1 (Monday) to 7 (Sunday)'),
            (p_time_zone is not null and not app.is_iana_time_zone(p_time_zone),
                'time_zone', 'TM204',
                'The time zone must be a name of the IANA database, such as Europe/Berlin')
        ) as f (is_wrong, field, code, detail)
        where f.is_wrong));
    if (select count(*) from generate_series(p_from::timestamp, p_to, interval '1 day') as day
        where extract(isodow from day) = any (p_weekdays))
        * ceil(extract(epoch from v_hours) / extract(epoch from v_length)) > 20000 then
        raise exception 'The period has more than 20000 starts of slots: choose a shorter period'
            using errcode = 'TM201', column = 'to';
    end if;

    -- Lock order: the doctor before slots; see api.publish_slot.
    select coalesce(p_time_zone, d.time_zone) into strict v_time_zone
    from app.doctors as d
    where d.user_id = v_actor.user_id
    for no key update;

    for v_candidate in
        with hours as materialized (
            select
                c.starts_at_local,
                i.starts_at,
                i.ends_at,
                i.starts_at at time zone v_time_zone - i.starts_at at time zone 'UTC' as before,
                i.ends_at at time zone v_time_zone - i.ends_at at time zone 'UTC' as after
            from generate_series(p_from::timestamp, p_to, interval '1 day') as day
            cross join lateral (select day + p_start_time) as c (starts_at_local)
            cross join lateral (
                select
                    app.instant_of(c.starts_at_local, v_time_zone),
                    app.instant_of(c.starts_at_local + v_hours, v_time_zone)
            ) as i (starts_at, ends_at)
            where extract(isodow from day) = any (p_weekdays)
        ),
        -- Clocks that go back also repeat local times before the start.
        local_time as (
            select
                h.starts_at as opens_at,
                h.ends_at as closes_at,
                h.before,
                h.after,
                h.starts_at_local + n * v_length as starts_at_local,
                n >= 0 and (n + 1) * v_length <= v_hours as fits_on_the_clock
            from hours as h
            cross join lateral generate_series(
                case when h.after < h.before
                    then -ceil(extract(epoch from h.before - h.after)
                        / extract(epoch from v_length))::integer
                    else 0
                end,
                ceil(extract(epoch from v_hours) / extract(epoch from v_length))::integer - 1) as n
        ),
        candidate as materialized (
            select
                l.starts_at_local,
                i.starts_at,
                i.starts_at + v_length as ends_at,
                i.starts_at + v_length <= l.closes_at as fits
            from local_time as l
            left join lateral (
                select (l.starts_at_local - o.utc_offset) at time zone 'UTC' as starts_at
                from (select l.before union select l.after) as o (utc_offset)
            ) as i
                on i.starts_at >= l.opens_at
                and i.starts_at at time zone v_time_zone = l.starts_at_local
            where l.fits_on_the_clock or i.starts_at + v_length <= l.closes_at
        )
        select
            c.starts_at_local,
            c.starts_at,
            c.ends_at,
            c.fits,
            taken.is_same,
            exists (
                select from app.time_off as t
                where t.doctor_id = v_actor.user_id
                  and tstzrange(t.starts_at, t.ends_at) && tstzrange(c.starts_at, c.ends_at)
            ) as is_time_off
        from candidate as c
        left join lateral (
            select bool_or(s.starts_at = c.starts_at and s.ends_at = c.ends_at) as is_same
            from app.availability_slots as s
            where c.starts_at > app.clock()
              and s.doctor_id = v_actor.user_id
              and s.status <> 'withdrawn'
              and tstzrange(s.starts_at, s.ends_at) && tstzrange(c.starts_at, c.ends_at)
        ) as taken on true
        order by c.starts_at, c.starts_at_local
    loop
        v_reason := case
            when v_candidate.starts_at is null then 'no_such_local_time'
            when v_candidate.starts_at <= app.clock() then 'in_the_past'
            when v_candidate.is_same then 'already_published'
            when not v_candidate.fits then 'does_not_fit'
            -- Only a slot that this call publishes blocks a later one; a skipped slot does not.
            when v_candidate.is_same is not null or v_candidate.starts_at < v_published_until
                then 'overlaps'
            when v_candidate.is_time_off then 'time_off'
        end;
        if v_reason is not null then
            v_skipped := v_skipped || (
                v_candidate.starts_at_local, v_reason, v_candidate.starts_at)::api.skipped_slot;
            continue;
        end if;
        if cardinality(v_starts) = 5000 then
            raise exception 'The period has more than 5000 new slots: choose a shorter period'
                using errcode = 'TM201', column = 'to';
        end if;
        v_starts := v_starts || v_candidate.starts_at;
        v_local_starts := v_local_starts || v_candidate.starts_at_local;
        v_published_until := v_candidate.ends_at;
    end loop;

    with published as (
        insert into app.availability_slots (
            doctor_id, starts_at, ends_at, starts_at_local, time_zone)
        select v_actor.user_id, s.starts_at, s.starts_at + v_length, s.starts_at_local, v_time_zone
        from unnest(v_starts, v_local_starts) as s (starts_at, starts_at_local)
        order by s.starts_at
        returning id, doctor_id, starts_at, ends_at, status
    )
    select
        array(
            select (p.id, p.doctor_id, p.starts_at, p.ends_at, p.status)::api.availability_slots
            from published as p
            order by p.starts_at),
        array(
            select s
            from unnest(v_skipped) as s
            order by s.starts_at_local, s.starts_at)
    into strict v_publication;
    perform app.settle_key(v_key, null, to_jsonb(v_publication));
    return v_publication;
end;
$$;

comment on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text) is
'Publishes slots of p_slot_minutes (5 to 1440) one after the other from p_start_time to p_end_time,
on each day from p_from to p_to (both included, at most 366 days apart) whose weekday is in
p_weekdays (ISO 8601: 1 is Monday). Hours whose end is before their start continue on the next day:
22:30 to 01:30 on weekday 5 is the night from Friday to Saturday. p_end_time must differ from
p_start_time, because equal times are more often a mistake than 24 hours; a whole day is from 00:00
to 24:00. One call publishes at most 5000 slots and examines at most 20000 starts.

Times are local times in p_time_zone, by default the doctor''s time zone, so 09:00 stays 09:00 when
clocks change. The hours last from the first instant at which clocks show p_start_time or later to
the first instant at which they show p_end_time or later, see app.instant_of. So hours that meet as
local times also meet as instants, and 00:00 to 24:00 is the whole day, of 23 or of 25 hours. A slot
starts at each instant at which clocks show p_start_time plus a multiple of p_slot_minutes, twice in
a repeated hour. It lasts p_slot_minutes of elapsed time and ends within the hours. Only a slot that
exists or is published blocks another one.

Existing slots stay as they are. The result has every skipped slot with its reason, see
api.skipped_slot, but not the rest of the hours after the last whole slot. For doctors.
p_idempotency_key is optional. Raises TM101, TM102, TM201, TM202, TM203, TM204, TM208, TM301, TM302,
TM991.';

grant execute on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text)
to telemed_api, telemed_dba;

commit;
