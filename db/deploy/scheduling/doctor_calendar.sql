-- Deploy telemed:scheduling/doctor_calendar to pg

begin;

create type api.calendar_days as (day date, open_slots integer, first_starts_at timestamptz);

comment on type api.calendar_days is
'A day of a doctor''s calendar. open_slots: how many open slots start on it; first_starts_at: the
start of the first of them, or null.';

create function api.doctor_calendar(
    p_doctor_id uuid,
    p_from date default null,
    p_to date default null,
    p_time_zone text default null
)
returns setof api.calendar_days
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := app.clock();
    v_zone text;
    v_first date;
    v_last date;
begin
    perform app.current_actor();
    select d.time_zone::text into v_zone from app.doctors as d where d.user_id = p_doctor_id;
    if not found then
        raise exception 'There is no such doctor' using errcode = 'TM401';
    end if;
    if p_time_zone is not null then
        perform app.require_time_zone(p_time_zone);
        v_zone := p_time_zone;
    end if;
    v_first := coalesce(p_from, (v_now at time zone v_zone)::date);
    if v_first not between '1900-01-01' and '9999-12-31' then
        raise exception 'from must be a day from 1900 to 9999'
            using errcode = 'TM202', column = 'from';
    end if;
    v_last := coalesce(p_to, least(v_first + 30, '9999-12-31'));
    if v_last < v_first or v_last > least(v_first + 61, '9999-12-31') then
        raise exception 'to must be from 0 to 61 days after from'
            using errcode = 'TM202', column = 'to';
    end if;

    return query
    select d.day::date, count(s.starts_at)::integer, min(s.starts_at)::timestamptz
    from generate_series(v_first::timestamp, v_last, interval '1 day') as d (day)
    left join (
        select s.starts_at, date_trunc('day', s.starts_at at time zone v_zone) as day
        from app.availability_slots as s
        where s.doctor_id = p_doctor_id and s.status = 'open'
          and s.starts_at > v_now
          and s.starts_at >= app.instant_of(v_first::timestamp, v_zone)
          -- "at time zone" takes the later of two instants, which suits an end.
          and s.starts_at < (v_last + 1)::timestamp at time zone v_zone
    ) as s on s.day = d.day
    group by d.day
    order by d.day;
end;
$$;

comment on function api.doctor_calendar(uuid, date, date, text) is
'The days from p_from to p_to (both included) with the number of open slots of a doctor that start
on them after now, by clocks in p_time_zone. By default from today on for 31 days, in the time zone
of the doctor; at most 62 days. Raises TM101, TM102, TM202, TM204, TM302, TM401.';

grant execute on function api.doctor_calendar(uuid, date, date, text) to telemed_api, telemed_dba;

commit;
