-- Deploy telemed:identity/list_users to pg

begin;

create function api.list_users(
    p_email text default null,
    p_role text default null,
    p_state text default null,
    p_order text default '-created_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.accounts
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_is_ascending boolean;
    v_list text;
    v_after uuid;
    v_owner uuid;
    v_page uuid[];
begin
    perform app.require_role('admin');
    v_is_ascending := app.is_ascending(p_order, '-created_at');
    v_list := 'list_users' || case when v_is_ascending then ' created_at' else '' end;
    v_after := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    perform app.check_limit(p_limit);
    if p_email is not null then
        -- app.normal_email is not leakproof, so row-level security keeps it from an index here.
        v_owner := (app.account_of_email(p_email)).id;
        v_page := array(
            select u.id
            from app.users as u
            where u.id = v_owner
              and (p_role is null or u.role = p_role)
              and (p_state is null or p_state = case
                  when u.deactivated_at is null then 'active' else 'deactivated' end)
              and (v_after is null
                   or case when v_is_ascending then u.id > v_after else u.id < v_after end));
    -- One query for each direction, so that each reads the index in its order.
    elsif v_is_ascending then
        v_page := array(
            select u.id
            from app.users as u
            where (p_role is null or u.role = p_role)
              and (p_state is null or p_state = case
                  when u.deactivated_at is null then 'active' else 'deactivated' end)
              and (v_after is null or u.id > v_after)
            order by u.id limit p_limit + 1);
    else
        v_page := array(
            select u.id
            from app.users as u
            where (p_role is null or u.role = p_role)
              and (p_state is null or p_state = case
                  when u.deactivated_at is null then 'active' else 'deactivated' end)
              and (v_after is null or u.id < v_after)
            order by u.id desc limit p_limit + 1);
    end if;
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);
    v_page := v_page[:p_limit];
    perform app.record_read('list_users', v_page);

    return query
    select a.* from api.accounts as a where a.id = any (v_page)
    order by case when v_is_ascending then a.id end, a.id desc;
end;
$$;

comment on function api.list_users(text, text, text, text, integer, text) is
'Returns accounts, the latest first; each filter that is not null applies. p_email: the whole
address; p_role: admin, doctor or patient; p_state: active or deactivated. p_order: -created_at, or
created_at for the oldest first. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page
before. For admins; the access log records whose accounts the page has. Raises TM101, TM102, TM201,
TM301, TM302.';

grant execute on function api.list_users to telemed_api, telemed_dba;

commit;
