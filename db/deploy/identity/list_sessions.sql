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

create function api.list_sessions(p_limit integer default 50, p_cursor text default null)
returns setof api.sessions_in_force
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_after uuid := (app.cursor_position('list_sessions', p_cursor) ->> 0)::uuid;
    v_page uuid[];
begin
    perform app.check_limit(p_limit);
    v_page := array(
        select s.id from app.sessions as s
        where s.user_id = v_actor.user_id
          and s.revoked_at is null
          and s.expires_at > app.clock()
          and (v_after is null or s.id > v_after)
        order by s.id limit p_limit + 1);
    perform app.set_next_cursor(
        'list_sessions',
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
    order by s.id;
end;
$$;

comment on function api.list_sessions(integer, text) is
'The caller''s sessions that are in force, in the order in which they began. p_limit: 1 to 1000
rows; p_cursor: app.next_cursor of the page before. Needs no second factor. Raises TM101, TM102,
TM201.';

grant execute on function api.list_sessions(integer, text) to telemed_api, telemed_dba;

commit;
