-- Deploy telemed:identity/list_sessions to pg

begin;

set local role telemed_internal;
create function app.session_last_used_at(p_session_id uuid)
returns timestamptz
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select max(t.issued_at) from app.refresh_tokens as t where t.session_id = p_session_id);
end;
$$;

comment on function app.session_last_used_at(uuid) is
'When the newest refresh token of a session was issued; null for a session without a refresh
token.';
reset role;

create function api.list_sessions(
    p_order text default 'created_at',
    p_limit integer default 50,
    p_cursor text default null
)
returns setof api.sessions_in_force
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_is_ascending boolean := app.is_ascending(p_order, 'created_at');
    v_list text := 'list_sessions' || case when v_is_ascending then '' else ' -created_at' end;
    v_after uuid := (app.cursor_position(v_list, p_cursor) ->> 0)::uuid;
    v_page uuid[];
begin
    perform app.check_limit(p_limit);
    v_page := array(
        select s.id from app.sessions as s
        where s.user_id = v_actor.user_id
          and s.revoked_at is null
          and s.expires_at > app.clock()
          and (v_after is null
               or case when v_is_ascending then s.id > v_after else s.id < v_after end)
        order by case when v_is_ascending then s.id end, s.id desc limit p_limit + 1);
    perform app.set_next_cursor(
        v_list,
        case when cardinality(v_page) > p_limit then jsonb_build_array(v_page[p_limit]) end);

    return query
    select
        s.id,
        s.created_at::timestamptz,
        s.expires_at::timestamptz,
        coalesce(app.session_last_used_at(s.id), s.created_at::timestamptz),
        s.id is not distinct from v_actor.session_id
    from app.sessions as s
    where s.id = any (v_page[:p_limit])
    order by case when v_is_ascending then s.id end, s.id desc;
end;
$$;

comment on function api.list_sessions(text, integer, text) is
'The caller''s sessions that are in force, in the order in which they began. p_order: created_at, or
-created_at for the latest first. p_limit: 1 to 1000 rows; p_cursor: app.next_cursor of the page
before. Needs no second factor. Raises TM101, TM102, TM201.';

grant execute on function api.list_sessions(text, integer, text) to telemed_api, telemed_dba;

commit;
