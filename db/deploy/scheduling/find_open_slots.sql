-- Deploy telemed:scheduling/find_open_slots to pg

begin;

create function api.find_open_slots(
    p_specialty text default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_language text default null,
    p_weekdays integer[] default null,
    p_between text default null,
    p_time_zone text default null,
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.offered_slots
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A slot that begins now can no longer be booked.
    v_from timestamptz := greatest(p_from, app.clock() + interval '1 microsecond');
    v_to timestamptz := coalesce(p_to, 'infinity');
    v_code text;
    v_after jsonb;
    v_after_at timestamptz;
    v_after_id uuid;
    v_begin timestamptz;
    -- Whole rows, because a second look-up of each row by its id would take longer.
    v_page app.availability_slots[];
begin
    perform app.current_actor();
    v_after := app.cursor_position('find_open_slots', p_cursor);
    v_after_at := coalesce((v_after ->> 0)::timestamptz, '-infinity');
    v_after_id := (v_after ->> 1)::uuid;
    perform app.check_limit(p_limit);
    if p_specialty is not null then
        v_code := app.specialty_code(p_specialty);
    end if;

    -- Two queries besides the search, because each has its own index that returns the rows in this
    -- order. No row comparison with the cursor: without one, they read the open slots of the past.
    v_begin := greatest(v_from, v_after_at);
    if coalesce(p_language, p_between, p_time_zone) is not null or p_weekdays is not null then
        v_page := array(
            select s
            from app.search_open_slots(
                v_code, p_language, p_weekdays, p_between, p_time_zone, v_from, p_to, v_after_at,
                v_after_id, p_limit + 1) as s);
    elsif p_specialty is null then
        v_page := array(
            select s from app.availability_slots as s
            where s.status = 'open'
              and s.starts_at >= v_begin and s.starts_at < v_to
              and (s.starts_at > v_after_at or s.id > v_after_id)
            order by s.starts_at, s.id limit p_limit + 1);
    else
        v_page := array(
            select s from app.availability_slots as s
            where s.status = 'open' and s.specialty = v_code
              and s.starts_at >= v_begin and s.starts_at < v_to
              and (s.starts_at > v_after_at or s.id > v_after_id)
            order by s.starts_at, s.id limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        'find_open_slots',
        case when cardinality(v_page) > p_limit then
            jsonb_build_array(v_page[p_limit].starts_at, v_page[p_limit].id)
        end);

    return query
    select
        s.id, s.doctor_id, s.starts_at::timestamptz, s.ends_at::timestamptz, s.status,
        d.full_name::text, d.specialty::text, d.fee_minor::bigint, d.currency::text,
        d.currency_exponent
    from unnest(v_page[:p_limit]) as s
    inner join app.doctors as d on d.user_id = s.doctor_id
    order by s.starts_at, s.id;
end;
$$;

comment on function api.find_open_slots is
'Returns open slots of all doctors, the earliest first; each filter that is not null applies.
p_specialty: the name or code of a whole specialty. p_from, p_to: only slots that start at p_from or
later and before p_to, and in any case after now. p_language: an ISO 639-1 code; only doctors who
speak it. p_weekdays, p_between: only slots that start on these weekdays (1 is Monday, ISO 8601) and
in these hours, by clocks in p_time_zone (an IANA name, which they require). p_between: 17:00-20:00
begins at 17:00 and ends before 20:00; 22:00-06:00 ends on the next day, and the weekday is that on
which it begins. With weekdays or hours the search covers at most 62 days, from p_from or now on.
p_limit: 1 to 1000 rows. p_cursor: app.next_cursor of the previous page. Raises TM101, TM102, TM201,
TM202, TM204, TM302.';

grant execute on function api.find_open_slots to telemed_api, telemed_dba;

commit;
