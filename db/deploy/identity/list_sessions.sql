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
'When the newest refresh token of a session was issued; null for a session without one.';
reset role;

create function api.list_sessions(p_limit integer default 50, p_cursor uuid default null)
returns setof api.sessions_in_force
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
begin
    perform app.check_limit(p_limit);
    return query
    select
        s.id,
        s.created_at::timestamptz,
        s.expires_at::timestamptz,
        coalesce(app.session_last_used_at(s.id), s.created_at::timestamptz),
        s.id is not distinct from v_actor.session_id
    from app.sessions as s
    where s.user_id = v_actor.user_id
      and s.revoked_at is null
      and s.expires_at > app.clock()
      and (p_cursor is null or s.id > p_cursor)
    order by s.id
    limit p_limit;
end;
$$;

comment on function api.list_sessions(integer, uuid) is
'The caller''s sessions that are in force, in the order in which they began. p_limit: 1 to 1000
rows; p_cursor: id of the last row seen. Raises TM101, TM102, TM201.';

grant execute on function api.list_sessions(integer, uuid) to telemed_api, telemed_dba;

commit;
