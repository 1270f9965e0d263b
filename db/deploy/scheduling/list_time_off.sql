-- Deploy telemed:scheduling/list_time_off to pg

begin;

create function api.list_time_off(p_limit integer default 50, p_cursor uuid default null)
returns setof api.time_off
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('doctor');
begin
    perform app.check_limit(p_limit);
    return query
    select t.*
    from api.time_off as t
    where t.doctor_id = v_actor.user_id and (p_cursor is null or t.id > p_cursor)
    order by t.id
    limit p_limit;
end;
$$;

comment on function api.list_time_off(integer, uuid) is
'The calling doctor''s time off in the order in which it was taken. p_limit: 1 to 1000 rows;
p_cursor: id of the last row seen. Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.list_time_off(integer, uuid) to telemed_api, telemed_dba;

commit;
