-- Deploy telemed:scheduling/plan_weekly_slots to pg

begin;

-- A local time is not an instant.
-- squawk-ignore prefer-timestamp-tz
create type app.planned_slot as (
    starts_at_local timestamp,
    time_zone text,
    starts_at timestamptz,
    ends_at timestamptz,
    reason text
);

comment on type app.planned_slot is
'A start of weekly hours. reason: why no slot is published for it, see api.skipped_slot; null for a
slot to publish.';

create function app.plan_weekly_slots(
    p_doctor_id uuid,
    p_from date,
    p_to date,
    p_weekdays integer[],
    p_start_time time,
    p_end_time time,
    p_slot_minutes integer,
    p_time_zone text
)
returns setof app.planned_slot
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_length interval := make_interval(mins => p_slot_minutes);
    v_hours interval := p_end_time - p_start_time
        + case when p_end_time < p_start_time then interval '24 hours' else interval '0' end;
    v_time_zone text;
    v_candidate record;
    v_reason text;
    v_published_until timestamptz := timestamptz '-infinity';
    v_new integer := 0;
begin
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

    v_time_zone := coalesce(
        p_time_zone, (select d.time_zone from app.doctors as d where d.user_id = p_doctor_id));

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
                where t.doctor_id = p_doctor_id
                  and tstzrange(t.starts_at, t.ends_at) && tstzrange(c.starts_at, c.ends_at)
            ) as is_time_off
        from candidate as c
        left join lateral (
            select bool_or(s.starts_at = c.starts_at and s.ends_at = c.ends_at) as is_same
            from app.availability_slots as s
            where c.starts_at > app.clock()
              and s.doctor_id = p_doctor_id
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
            -- Only a slot that is to be published blocks a later one; a skipped slot does not.
            when v_candidate.is_same is not null or v_candidate.starts_at < v_published_until
                then 'overlaps'
            when v_candidate.is_time_off then 'time_off'
        end;
        if v_reason is null then
            v_new := v_new + 1;
            if v_new > 5000 then
                raise exception 'The period has more than 5000 new slots: choose a shorter period'
                    using errcode = 'TM201', column = 'to';
            end if;
            v_published_until := v_candidate.ends_at;
        end if;
        return next row(
            v_candidate.starts_at_local, v_time_zone, v_candidate.starts_at, v_candidate.ends_at,
            v_reason)::app.planned_slot;
    end loop;
end;
$$;

comment on function app.plan_weekly_slots is
'Every start of the weekly hours of api.publish_weekly_slots, in the order of time, with its slot or
with the reason why there is none. It writes nothing, so that a preview and a publication cannot
differ in their rules. To publish, lock the doctor first. Raises TM201, TM202, TM204.';

commit;
