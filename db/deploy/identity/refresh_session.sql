-- Deploy telemed:identity/refresh_session to pg

begin;

create function api.refresh_session(p_refresh_token text)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hash bytea := sha256(convert_to(p_refresh_token, 'UTF8'));
    v_session app.sessions;
    v_user app.users;
begin
    -- Lock order: the session, then its tokens. Of two requests with one token the second
    -- waits here and finds it spent.
    select s.* into v_session
    from app.sessions as s
    where s.id = (select t.session_id from app.refresh_tokens as t where t.token_hash = v_hash)
    for no key update;
    if not found or v_session.revoked_at is not null or v_session.expires_at <= app.clock() then
        raise exception 'The refresh token is not valid' using errcode = 'TM104';
    end if;

    select u.* into strict v_user from app.users as u where u.id = v_session.user_id;
    perform app.set_actor(v_user.id, v_user.role);

    update app.refresh_tokens
    set spent_at = app.clock()
    where token_hash = v_hash and spent_at is null and v_user.deactivated_at is null;
    if not found then
        -- A spent token that comes back is in two hands; neither may go on with it.
        update app.sessions set revoked_at = app.clock() where id = v_session.id;
        perform app.refuse('TM104', 'The refresh token is not valid');
        return null;
    end if;
    return app.issue_refresh_token(v_session.id);
end;
$$;

comment on function api.refresh_session(text) is
'Spends a refresh token and returns the session with the next one. A token that was spent before
revokes its whole session (RFC 9700, section 4.14.2). Anybody may call it. Raises TM104.';

grant execute on function api.refresh_session(text) to telemed_api, telemed_dba;

commit;
