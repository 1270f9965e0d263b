-- Deploy telemed:identity/refresh_session to pg

begin;

set local role telemed_internal;
create function app.rotate_refresh_token(p_token text)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hash bytea := sha256(convert_to(p_token, 'UTF8'));
    v_token app.refresh_tokens;
    v_session app.sessions;
    v_user app.users;
    v_next text := app.next_refresh_token(p_token);
begin
    -- Lock order: the session, then its tokens. Of two requests with one token the second
    -- waits here and finds it spent.
    select s.* into v_session
    from app.sessions as s
    where s.id = (select t.session_id from app.refresh_tokens as t where t.token_hash = v_hash)
    for no key update;
    select u.* into v_user from app.users as u where u.id = v_session.user_id;
    if v_user.id is null
        or v_user.deactivated_at is not null
        or v_session.revoked_at is not null
        or v_session.expires_at <= app.clock() then
        raise exception 'The refresh token is not valid: log in again' using errcode = 'TM104';
    end if;
    perform app.set_actor(v_user.id, v_user.role, v_session.id);

    select t.* into strict v_token from app.refresh_tokens as t where t.token_hash = v_hash;
    if v_token.spent_at is null then
        update app.refresh_tokens set spent_at = app.clock() where token_hash = v_hash;
        return app.issue_refresh_token(v_session.id, v_next);
    end if;

    -- The reuse interval: a second tab, or a retry, gets the successor that the first request got,
    -- or the newest token that has followed from it within these seconds.
    if v_token.spent_at > app.clock() - interval '10 seconds' then
        loop
            select t.* into v_token
            from app.refresh_tokens as t
            where t.token_hash = sha256(convert_to(v_next, 'UTF8'));
            exit when not found;
            if v_token.spent_at is null then
                return (
                    v_user.id, v_user.role, v_session.id, v_next, v_session.expires_at
                )::api.sessions;
            end if;
            v_next := app.next_refresh_token(v_next);
        end loop;
    end if;

    -- Two clients have a spent token that comes back: neither may continue the session.
    update app.sessions set revoked_at = app.clock() where id = v_session.id;
    perform app.refuse('TM104', 'The refresh token is not valid: log in again');
    return null;
end;
$$;

comment on function app.rotate_refresh_token(text) is
'Spends a refresh token and returns its session with the successor. Raises TM104.';
reset role;

create function api.refresh_session(p_refresh_token text)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    return app.rotate_refresh_token(p_refresh_token);
end;
$$;

comment on function api.refresh_session(text) is
'Refresh token rotation: spends a refresh token and returns the session with its successor. Within
the reuse interval of 10 seconds, the same token returns the session''s present token, which is the
successor or has followed from it; later it revokes the whole session (RFC 9700, section 4.14.2).
Neither changes the end of the session. For every caller, logged in or not. Raises TM101, TM104.';

grant execute on function api.refresh_session(text) to telemed_api, telemed_dba;

commit;
