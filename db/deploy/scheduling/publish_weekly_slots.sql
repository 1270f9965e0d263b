-- Deploy telemed:scheduling/publish_weekly_slots to pg

begin;

create type api.skipped_slot as (starts_at_local timestamp, reason text);

comment on type api.skipped_slot is
'A slot that was not published. starts_at_local: its start on the clock of the time zone asked for;
reason: already_published, overlaps, in_the_past, no_such_local_time or time_off.';

create type api.weekly_publication as (items api.availability_slots[], skipped api.skipped_slot[]);

comment on type api.weekly_publication is 'The slots that were published, and those that were not.';

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
    v_slots_a_day integer :=
        floor(extract(epoch from p_end_time - p_start_time) / 60 / nullif(p_slot_minutes, 0))
        ::integer;
    v_key app.idempotency_keys;
    v_time_zone text;
    v_publication api.weekly_publication;
begin
    v_key := app.claim_key(
        v_actor.user_id, 'publish_weekly_slots', p_idempotency_key,
        jsonb_build_object(
            'from', to_char(p_from, 'YYYY-MM-DD'), 'to', to_char(p_to, 'YYYY-MM-DD'),
            'weekdays', array(select distinct d from unnest(p_weekdays) as d order by d),
            'start_time', p_start_time, 'end_time', p_end_time, 'slot_minutes', p_slot_minutes,
            'time_zone', p_time_zone));
    if v_key.created_at is not null then
        return jsonb_populate_record(null::api.weekly_publication, v_key.response);
    end if;

    if p_from is null or p_to is null or p_to < p_from or p_to - p_from > 366 then
        raise exception 'from and to must be dates in this order, at most 366 days apart'
            using errcode = 'TM202', column = 'to';
    end if;
    if p_slot_minutes is null or p_slot_minutes not between 5 and 1440 then
        raise exception 'A slot must last from 5 to 1440 minutes'
            using errcode = 'TM201', column = 'slot_minutes';
    end if;
    if v_slots_a_day is null or v_slots_a_day < 1 then
        raise exception 'At least one slot must fit between start_time and end_time'
            using errcode = 'TM202', column = 'end_time';
    end if;
    if coalesce(cardinality(p_weekdays), 0) = 0 or not p_weekdays <@ '{1,2,3,4,5,6,7}' then
        raise exception 'weekdays must be numbers from 1 (Monday) to 7 (Sunday)'
            using errcode = 'TM201', column = 'weekdays';
    end if;
    if ((p_to - p_from) / 7 + 1) * cardinality(p_weekdays) * v_slots_a_day > 5000 then
        raise exception 'More than 5000 slots at once: publish a shorter time'
            using errcode = 'TM201', column = 'to';
    end if;
    if p_time_zone is not null and not app.is_iana_time_zone(p_time_zone) then
        raise exception 'The time zone is not in the IANA time zone database'
            using errcode = 'TM204', column = 'time_zone';
    end if;

    -- Lock order: the doctor before slots; see api.publish_slot.
    select coalesce(p_time_zone, d.time_zone) into strict v_time_zone
    from app.doctors as d
    where d.user_id = v_actor.user_id
    for no key update;

    with local_time as (
        select
            day::date + p_start_time + n * make_interval(mins => p_slot_minutes) as starts_at_local
        from generate_series(p_from::timestamp, p_to::timestamp, interval '1 day') as day
        cross join generate_series(0, v_slots_a_day - 1) as n
        where extract(isodow from day) = any (p_weekdays)
    ),
    candidate as materialized (
        select
            l.starts_at_local,
            i.starts_at,
            i.starts_at + make_interval(mins => p_slot_minutes) as ends_at,
            -- Where clocks go forward, a long slot can reach past the start of the next one.
            lag(i.starts_at) over (order by i.starts_at) + make_interval(mins => p_slot_minutes)
            > i.starts_at as overlaps_previous
        from local_time as l
        cross join lateral (select app.instant_of(l.starts_at_local, v_time_zone)) as i (starts_at)
    ),
    judged as materialized (
        select
            c.*,
            case
                when c.starts_at is null then 'no_such_local_time'
                when c.starts_at <= app.clock() then 'in_the_past'
                when taken.is_same then 'already_published'
                when taken.is_same is not null or c.overlaps_previous then 'overlaps'
                when exists (
                    select from app.time_off as t
                    where t.doctor_id = v_actor.user_id
                      and tstzrange(t.starts_at, t.ends_at) && tstzrange(c.starts_at, c.ends_at)
                ) then 'time_off'
            end as reason
        from candidate as c
        left join lateral (
            select bool_or(s.starts_at = c.starts_at and s.ends_at = c.ends_at) as is_same
            from app.availability_slots as s
            where s.doctor_id = v_actor.user_id
              and s.status <> 'withdrawn'
              and tstzrange(s.starts_at, s.ends_at) && tstzrange(c.starts_at, c.ends_at)
        ) as taken on true
    ),
    published as (
        insert into app.availability_slots (doctor_id, starts_at, ends_at)
        select v_actor.user_id, j.starts_at, j.ends_at
        from judged as j
        where j.reason is null
        order by j.starts_at
        returning id, doctor_id, starts_at, ends_at, status
    )
    select
        array(
            select (p.id, p.doctor_id, p.starts_at, p.ends_at, p.status)::api.availability_slots
            from published as p
            order by p.starts_at),
        array(
            select (j.starts_at_local, j.reason)::api.skipped_slot
            from judged as j
            where j.reason is not null
            order by j.starts_at_local)
    into strict v_publication;
    perform app.settle_key(v_key, null, to_jsonb(v_publication));
    return v_publication;
end;
$$;

comment on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text) is
'Offers slots of p_slot_minutes (5 to 1440) one after the other from p_start_time to p_end_time, on
the days from p_from to p_to (both included, at most 366 days apart) that are one of p_weekdays (ISO
8601: 1 is Monday); at most 5000 slots. Times are those of clocks in p_time_zone, by default the
doctor''s own zone, so 09:00 stays 09:00 when clocks change. A start that does not exist that day is
skipped; of one that exists twice the first is taken; a slot always lasts p_slot_minutes of real
time. What is published already stays as it is, and everything that was skipped is returned with the
reason. For doctors. p_idempotency_key may be given. Raises TM101, TM102, TM201, TM202, TM203,
TM204, TM208, TM301, TM302, TM991.';

grant execute on function api.publish_weekly_slots(
    date, date, integer[], time, time, integer, text, text)
to telemed_api, telemed_dba;

commit;
