-- Deploy telemed:webhooks/list_webhooks to pg

begin;

create function api.list_webhooks(
    p_order text default 'created_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.webhooks
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
    v_is_ascending := app.is_ascending(p_order, 'created_at');
    v_list := 'list_webhooks' || case when v_is_ascending then '' else ' -created_at' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    perform app.check_limit(p_limit);
    v_page := array(
        select w.id from api.webhooks as w
        where v_after is null
           or case when v_is_ascending then w.id > v_after else w.id < v_after end
        order by case when v_is_ascending then w.id end, w.id desc limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select w.*
    from api.webhooks as w
    where w.id = any (v_page[:p_limit])
    order by case when v_is_ascending then w.id end, w.id desc;
end;
$$;

comment on function api.list_webhooks(text, integer, text) is
'Returns the webhooks in the order of their creation, without their secrets. p_order: created_at, or
-created_at for the latest first. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page
before. For admins. Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.list_webhooks to telemed_api, telemed_dba;

commit;
