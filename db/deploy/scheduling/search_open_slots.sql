-- Deploy telemed:scheduling/search_open_slots to pg

begin;

create function app.search_open_slots(
    p_specialty_code text,
    p_language text,
    p_weekdays integer[],
    p_between text,
    p_time_zone text,
    p_from timestamptz,
    p_to timestamptz,
    p_after_at timestamptz,
    p_after_id uuid,
    p_rows integer
)
returns setof app.availability_slots
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_end constant timestamptz := timestamptz '10000-01-01 00:00:00+00';
    v_longest constant interval := make_interval(hours => 62 * 24);
    v_few constant integer := 64;
    v_from timestamptz := least(p_from, v_end);
    v_zone text := coalesce(p_time_zone, 'UTC');
    v_opens_at time := time '00:00';
    v_hours interval := interval '24 hours';
    v_doctors uuid[];
    -- Windows: local times [opens, closes), and the instants in which a slot of them can start.
    v_opens timestamp[] := array['-infinity'::timestamp];
    v_closes timestamp[] := array['infinity'::timestamp];
    v_begins timestamptz[];
    v_ends timestamptz[];
begin
    if p_time_zone is not null or p_weekdays is not null or p_between is not null then
        perform app.require_time_zone(p_time_zone);
    end if;
    if p_language is not null and app.language_name(p_language) is null then
        raise exception 'language must be an ISO 639-1 code, such as es'
            using errcode = 'TM201', column = 'language';
    end if;
    if cardinality(p_weekdays) = 0 or not p_weekdays <@ '{1,2,3,4,5,6,7}' then
        raise exception 'weekdays must be numbers from 1 (Monday) to 7 (Sunday)'
            using errcode = 'TM201', column = 'weekdays';
    end if;
    if p_between is not null then
        if p_between !~
            '^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' then
            raise exception 'between must be two times of day, such as 17:00-20:00'
                using errcode = 'TM201', column = 'between';
        end if;
        v_opens_at := split_part(p_between, '-', 1)::time;
        v_hours := split_part(p_between, '-', 2)::time - v_opens_at;
        if v_hours = '0' then
            raise exception 'between must have two different times: a whole day is 00:00-24:00'
                using errcode = 'TM201', column = 'between';
        end if;
        if v_hours < '0' then
            v_hours := v_hours + interval '24 hours';
        end if;
    end if;

    if p_weekdays is null and p_between is null then
        v_begins := array[greatest(v_from, p_after_at)];
        v_ends := array[least(p_to, v_end)];
    else
        if p_to > v_from + v_longest then
            raise exception 'With weekdays or between, to must be at most 62 days after from'
                using errcode = 'TM202', column = 'to';
        end if;
        -- "at time zone" takes the later of two instants, which suits an end.
        select
            array_agg(w.opens order by w.begins),
            array_agg(w.closes order by w.begins),
            array_agg(w.begins order by w.begins),
            array_agg(w.ends order by w.begins)
        into v_opens, v_closes, v_begins, v_ends
        from (
            select
                d.day + v_opens_at as opens,
                d.day + v_opens_at + v_hours as closes,
                greatest(
                    app.instant_of(d.day + v_opens_at, v_zone), v_from, p_after_at) as begins,
                least(
                    (d.day + v_opens_at + v_hours) at time zone v_zone,
                    p_to, v_from + v_longest, v_end) as ends
            from generate_series(
                date_trunc('day', v_from at time zone v_zone) - interval '1 day',
                greatest(v_from, least(p_to, v_from + v_longest, v_end)) at time zone v_zone,
                interval '1 day') as d (day)
            where p_weekdays is null or extract(isodow from d.day) = any (p_weekdays)
        ) as w
        where w.begins < w.ends;
    end if;

    if p_language is not null then
        v_doctors := array(
            select d.user_id from app.doctors as d
            where d.deactivated_at is null
              and (p_specialty_code is null or d.specialty_code = p_specialty_code)
              and (p_language is null or p_language = any (d.languages::text[]))
            limit v_few + 1);
    end if;

    -- Three queries: the slots of each of few doctors who speak the language, those of a specialty
    -- in the order of time, or those of all doctors, of whom many fill a page early. Windows do
    -- not overlap, so that a page needs no more windows than those that fill it: the order by their
    -- begin allows for an incremental sort. The condition on p_after_at is not a row comparison:
    -- with one, each scan would begin at that position, and read all slots before its window.
    if cardinality(v_doctors) <= v_few then
        return query
        select f.*
        from (
            select u.* from unnest(v_begins, v_ends, v_opens, v_closes)
                as u (begins, ends, opens, closes)
            order by u.begins
        ) as w
        cross join unnest(v_doctors) as o (doctor_id)
        cross join lateral (
            select s.*
            from app.availability_slots as s
            where s.doctor_id = o.doctor_id and s.status = 'open'
              and s.starts_at >= w.begins and s.starts_at < w.ends
              and (s.starts_at > p_after_at or s.id > p_after_id)
              and s.starts_at at time zone v_zone >= w.opens
              and s.starts_at at time zone v_zone < w.closes
            order by s.starts_at, s.id limit p_rows
        ) as f
        order by w.begins, f.starts_at, f.id limit p_rows;
    elsif p_specialty_code is not null then
        return query
        select f.*
        from (
            select u.* from unnest(v_begins, v_ends, v_opens, v_closes)
                as u (begins, ends, opens, closes)
            order by u.begins
        ) as w
        cross join lateral (
            select s.*
            from app.availability_slots as s
            where s.specialty = p_specialty_code and s.status = 'open'
              and s.starts_at >= w.begins and s.starts_at < w.ends
              and (s.starts_at > p_after_at or s.id > p_after_id)
              and s.starts_at at time zone v_zone >= w.opens
              and s.starts_at at time zone v_zone < w.closes
              and (p_language is null or (
                  select p_language = any (d.languages::text[])
                  from app.doctors as d where d.user_id = s.doctor_id))
            order by s.starts_at, s.id limit p_rows
        ) as f
        order by w.begins, f.starts_at, f.id limit p_rows;
    else
        return query
        select f.*
        from (
            select u.* from unnest(v_begins, v_ends, v_opens, v_closes)
                as u (begins, ends, opens, closes)
            order by u.begins
        ) as w
        cross join lateral (
            select s.*
            from app.availability_slots as s
            where s.status = 'open'
              and s.starts_at >= w.begins and s.starts_at < w.ends
              and (s.starts_at > p_after_at or s.id > p_after_id)
              and s.starts_at at time zone v_zone >= w.opens
              and s.starts_at at time zone v_zone < w.closes
              and (p_language is null or (
                  select p_language = any (d.languages::text[])
                  from app.doctors as d where d.user_id = s.doctor_id))
            order by s.starts_at, s.id limit p_rows
        ) as f
        order by w.begins, f.starts_at, f.id limit p_rows;
    end if;
end;
$$;

comment on function app.search_open_slots(
    text, text, integer[], text, text, timestamptz, timestamptz, timestamptz, uuid, integer) is
'The search of api.find_open_slots by language, weekdays and local time: the first p_rows slots
after (p_after_at, p_after_id). Raises TM201, TM202, TM204.';

commit;
