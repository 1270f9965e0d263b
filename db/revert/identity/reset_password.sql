-- Revert telemed:identity/reset_password from pg

begin;

set local role telemed_internal;
create or replace function app.spend_password_reset(p_token text, p_new_password_hash text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hash bytea := sha256(convert_to(p_token, 'UTF8'));
    v_user app.users;
begin
    -- Lock order: the user, then their password resets and sessions.
    v_user := app.lock_account(
        (select r.user_id from app.password_resets as r where r.token_hash = v_hash));
    perform app.set_actor(v_user.id, v_user.role);

    -- Of several requests with one token, one finds it in force here.
    update app.password_resets
    set used_at = app.clock()
    where token_hash = v_hash
      and used_at is null
      and revoked_at is null
      and expires_at > app.clock();
    if not found or v_user.deactivated_at is not null then
        raise exception 'The token is wrong, used or expired: request a new one'
            using errcode = 'TM222', column = 'token';
    end if;

    update app.users set password_hash = p_new_password_hash where id = v_user.id;
end;
$$;

comment on function app.spend_password_reset(text, text) is
'Uses up a password reset and gives its user the new password, which ends all their sessions. Raises
TM222.';
reset role;

create or replace function api.reset_password(p_token text, p_new_password_hash text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.forget_actor();
    perform app.proven_context();
    perform app.spend_password_reset(p_token, p_new_password_hash);
end;
$$;

comment on function api.reset_password(text, text) is
'Gives the user of a token from api.request_password_reset a new password and ends all their
sessions. Begins no session and leaves a second factor as it is. p_new_password_hash: see
app.users.password_hash. For every caller, logged in or not. Raises TM101, TM222.';

grant execute on function api.reset_password(text, text) to telemed_api, telemed_dba;

commit;
