-- Deploy telemed:identity/log_out to pg

begin;

set local role telemed_internal;
create function app.session_of_refresh_token(p_token text)
returns uuid
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select t.session_id
        from app.refresh_tokens as t
        where t.token_hash = sha256(convert_to(p_token, 'UTF8')));
end;
$$;

comment on function app.session_of_refresh_token(text) is
'The session that a refresh token, spent or not, belongs to; null for an unknown one.';
reset role;

create function api.log_out(p_session_id uuid default null, p_refresh_token text default null)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
begin
    update app.sessions
    set revoked_at = app.clock()
    where user_id = v_actor.user_id
      and revoked_at is null
      and id in (
          v_actor.session_id, p_session_id, app.session_of_refresh_token(p_refresh_token));
end;
$$;

comment on function api.log_out(uuid, text) is
'Ends the session that is calling, the caller''s session p_session_id and the one that
p_refresh_token belongs to. A session that is over, or not the caller''s, stays as it is. Needs
no second factor. Raises TM101, TM102.';

grant execute on function api.log_out(uuid, text) to telemed_api, telemed_dba;

commit;
