-- Deploy telemed:scheduling/list_open_slots to pg

begin;

create function api.list_open_slots(
    p_doctor_id uuid,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_order text default 'starts_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.availability_slots
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    -- A slot that begins now can no longer be booked.
    v_from timestamptz := greatest(p_from, app.clock() + interval '1 microsecond');
    v_is_descending boolean := coalesce(p_order = '-starts_at', false);
    v_list text :=
        case when v_is_descending then 'list_open_slots -starts_at' else 'list_open_slots' end;
    v_after jsonb;
    v_after_at timestamptz;
    v_after_id uuid;
    -- Whole rows, because a second look-up of each row by its id would take longer.
    v_page api.availability_slots[];
begin
    perform app.current_actor();
    if p_order not in ('starts_at', '-starts_at') then
        raise exception 'The order must be starts_at or -starts_at'
            using errcode = 'TM201', column = 'order';
    end if;
    v_after := app.cursor_position(v_list, p_cursor);
    v_after_at := coalesce(
        v_after ->> 0, case when v_is_descending then 'infinity' else '-infinity' end)::timestamptz;
    v_after_id := (v_after ->> 1)::uuid;
    perform app.check_limit(p_limit);
    if not exists (select from app.doctors as d where d.user_id = p_doctor_id) then
        raise exception 'There is no such doctor' using errcode = 'TM401';
    end if;
    -- One query for each direction, so that each reads the index in its order.
    if v_is_descending then
        v_page := array(
            select s from api.availability_slots as s
            where s.doctor_id = p_doctor_id
              and s.status = 'open'
              and s.starts_at >= v_from
              and s.starts_at < coalesce(p_to, 'infinity')
              and s.starts_at <= v_after_at
              and (s.starts_at < v_after_at or s.id < v_after_id)
            order by s.starts_at desc, s.id desc limit p_limit + 1);
    else
        -- No row comparison with the cursor: see api.find_open_slots.
        v_from := greatest(v_from, v_after_at);
        v_page := array(
            select s from api.availability_slots as s
            where s.doctor_id = p_doctor_id
              and s.status = 'open'
              and s.starts_at >= v_from
              and s.starts_at < coalesce(p_to, 'infinity')
              and (s.starts_at > v_after_at or s.id > v_after_id)
            order by s.starts_at, s.id limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then
            jsonb_build_array(v_page[p_limit].starts_at, v_page[p_limit].id)
        end);

    return query
    select p.* from unnest(v_page[:p_limit]) as p;
end;
$$;

comment on function api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text) is
'Returns open slots of one doctor. p_from, p_to: only slots that start at p_from or later and before
p_to, and in any case after now. p_order: starts_at or null for the earliest first; -starts_at for
the latest first. p_limit: 1 to 1000 rows. p_cursor: app.next_cursor of the previous page. Raises
TM101, TM102, TM201, TM302, TM401.';

grant execute on function api.list_open_slots(uuid, timestamptz, timestamptz, text, integer, text)
to telemed_api, telemed_dba;

commit;
