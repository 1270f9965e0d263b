-- Deploy telemed:identity/log_out to pg

begin;

set local role telemed_internal;
create function app.end_session_of_token(p_token text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_session app.sessions;
begin
    -- Lock order: the session. A concurrent refresh of it ends first.
    select s.* into v_session
    from app.sessions as s
    where s.id = (
        select t.session_id
        from app.refresh_tokens as t
        where t.token_hash = sha256(convert_to(p_token, 'UTF8')))
    for no key update;
    if v_session.id is not null and v_session.revoked_at is null then
        if current_setting('app.verified_user_id') = '' then
            perform app.set_actor(
                v_session.user_id,
                (select u.role from app.users as u where u.id = v_session.user_id),
                v_session.id);
        end if;
        update app.sessions set revoked_at = app.clock() where id = v_session.id;
    end if;
end;
$$;

comment on function app.end_session_of_token(text) is
'Ends the session of a refresh token, spent or not. If no actor is verified, the user of the token
becomes the actor. An unknown token and the token of a session that has ended change nothing.';
reset role;

create function api.log_out(p_session_id uuid default null, p_refresh_token text default null)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_context app.context;
    v_actor app.actor;
begin
    perform app.forget_actor();
    v_context := app.proven_context();

    -- First, because the token may make its user the actor. The session of a caller with a token
    -- may have ended: they want to be logged out.
    if p_refresh_token is null or v_context.user_id is not null then
        begin
            v_actor := app.signed_in_actor();
            update app.sessions
            set revoked_at = app.clock()
            where user_id = v_actor.user_id
              and revoked_at is null
              and id in (v_actor.session_id, p_session_id);
        exception when sqlstate 'TM102' then
            if p_refresh_token is null then
                raise;
            end if;
        end;
    end if;
    if p_refresh_token is not null then
        perform app.end_session_of_token(p_refresh_token);
    end if;
end;
$$;

comment on function api.log_out(uuid, text) is
'Ends the calling session, the caller''s session p_session_id, and the session of p_refresh_token,
for which the token alone is enough: its holder need not be logged in (in the spirit of RFC 7009).
An unknown token, a session that has ended and a session of another user change nothing. Needs no
second factor. For every caller who is logged in or has a token. Raises TM101, TM102.';

grant execute on function api.log_out(uuid, text) to telemed_api, telemed_dba;

commit;
