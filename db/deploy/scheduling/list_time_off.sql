-- Deploy telemed:scheduling/list_time_off to pg

begin;

create function api.list_time_off(
    p_order text default 'created_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.time_off
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
    v_is_ascending boolean := app.is_ascending(p_order, 'created_at');
    v_list text := 'list_time_off' || case when v_is_ascending then '' else ' -created_at' end;
    v_after uuid := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    v_page uuid[];
begin
    perform app.check_limit(p_limit);
    v_page := array(
        select t.id from app.time_off as t
        where t.doctor_id = v_actor.user_id
          and (v_after is null
               or case when v_is_ascending then t.id > v_after else t.id < v_after end)
        order by case when v_is_ascending then t.id end, t.id desc limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select t.*
    from api.time_off as t
    where t.id = any (v_page[:p_limit])
    order by case when v_is_ascending then t.id end, t.id desc;
end;
$$;

comment on function api.list_time_off(text, integer, text) is
'Returns the time off of the calling doctor in the order in which it was taken. p_order: created_at,
or -created_at for the latest first. p_limit: 1 to 1000 rows. p_cursor: app.next_cursor of the
previous page. Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.list_time_off(text, integer, text) to telemed_api, telemed_dba;

commit;
