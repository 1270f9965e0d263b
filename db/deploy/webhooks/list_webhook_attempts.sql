-- Deploy telemed:webhooks/list_webhook_attempts to pg

begin;

create function api.list_webhook_attempts(
    p_webhook_id uuid,
    p_order text default '-attempted_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.webhook_attempts
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after uuid;
    v_page uuid[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-attempted_at');
    v_list := 'list_webhook_attempts'
        || case when v_is_ascending then ' attempted_at' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    perform app.check_limit(p_limit);
    if not exists (select from api.webhooks as w where w.id = p_webhook_id) then
        raise exception 'There is no such webhook' using errcode = 'TM415';
    end if;

    -- One query for each direction, so that each reads the index in its order.
    if v_is_ascending then
        v_page := array(
            select a.id from app.webhook_attempts as a
            where a.endpoint_id = p_webhook_id and (v_after is null or a.id > v_after)
            order by a.id limit p_limit + 1);
    else
        v_page := array(
            select a.id from app.webhook_attempts as a
            where a.endpoint_id = p_webhook_id and (v_after is null or a.id < v_after)
            order by a.id desc limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select a.*
    from api.webhook_attempts as a
    where a.id = any (v_page[:p_limit])
    order by case when v_is_ascending then a.id end, a.id desc;
end;
$$;

comment on function api.list_webhook_attempts(uuid, text, integer, text) is
'Returns the attempts to deliver events to a webhook, in the order in which they ended, the latest
first. p_order: -attempted_at, or attempted_at for the oldest first. p_limit: 1 to 1000 rows;
p_cursor: app.next_cursor of the page before. For admins. Raises TM101, TM102, TM201, TM301, TM302,
TM415.';

grant execute on function api.list_webhook_attempts to telemed_api, telemed_dba;

commit;
