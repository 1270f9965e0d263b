-- Deploy telemed:audit/list_access_logs to pg

begin;

create function api.list_access_logs(
    p_kind text default null,
    p_user_id uuid default null,
    p_resource_id uuid default null,
    p_from timestamptz default null,
    p_to timestamptz default null,
    p_order text default '-occurred_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.access_logs
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after bigint;
    v_page bigint[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-occurred_at');
    v_list := 'list_access_logs' || case when v_is_ascending then ' occurred_at' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::bigint;
    perform app.check_limit(p_limit);
    -- One query for each direction, so that each reads the index in its order.
    if v_is_ascending then
        v_page := array(
            select l.id
            from api.access_logs as l
            where (p_kind is null or l.kind = p_kind)
              and (p_user_id is null or l.user_id = p_user_id)
              and (p_resource_id is null or p_resource_id = any (l.resource_ids))
              and (p_from is null or l.occurred_at >= p_from)
              and (p_to is null or l.occurred_at < p_to)
              and (v_after is null or l.id > v_after)
            order by l.id
            limit p_limit + 1);
    else
        v_page := array(
            select l.id
            from api.access_logs as l
            where (p_kind is null or l.kind = p_kind)
              and (p_user_id is null or l.user_id = p_user_id)
              and (p_resource_id is null or p_resource_id = any (l.resource_ids))
              and (p_from is null or l.occurred_at >= p_from)
              and (p_to is null or l.occurred_at < p_to)
              and (v_after is null or l.id < v_after)
            order by l.id desc
            limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select l.* from api.access_logs as l where l.id = any (v_page[:p_limit])
    order by case when v_is_ascending then l.id end, l.id desc;
end;
$$;

comment on function api.list_access_logs(
    text, uuid, uuid, timestamptz, timestamptz, text, integer, text) is
'Returns entries of the access log, the newest first; each filter that is not null applies. p_kind:
read, denied or act_as; p_resource_id: what was read or refused; p_from and p_to: a half-open range
of time. p_order: -occurred_at, or occurred_at for the oldest first. p_limit: 1 to 1000 rows;
p_cursor: app.next_cursor of the page before. For admins. Raises TM101, TM102, TM201, TM301,
TM302.';

grant execute on function api.list_access_logs(
    text, uuid, uuid, timestamptz, timestamptz, text, integer, text)
to telemed_api, telemed_dba;

commit;
