-- Revert telemed:identity/log_in from pg

begin;

create or replace function api.log_in(
    p_email text,
    p_password_hash text,
    p_otp_step bigint default null,
    p_recovery_code text default null,
    p_address text default null
)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
    v_has_second_factor boolean;
    v_session_id uuid := app.uuid_v7();
begin
    perform app.forget_actor();
    perform app.proven_context();
    v_user := app.account_of_email(p_email);
    -- With the right password the account is read again under the lock: no session may begin with
    -- a password that is being changed. A wrong password locks nothing: a timing difference would
    -- reveal which accounts exist.
    if v_user.password_hash = p_password_hash then
        v_user := app.lock_account(v_user.id);
    end if;
    if v_user.password_hash is distinct from p_password_hash
        or p_password_hash is null
        or v_user.deactivated_at is not null then
        -- Recorded for unknown accounts as well, so that the work is the same.
        perform app.write_denial('log_in', 'TM103', v_user.id);
        perform app.refuse('TM103', 'E-mail address or password is wrong');
        return null;
    end if;
    v_has_second_factor := v_user.mfa_confirmed_at is not null;
    if v_has_second_factor and p_otp_step is null and p_recovery_code is null then
        -- This is not a guess: the client sends the code with its next attempt.
        perform app.forget_log_in_attempt(p_email, p_address, false);
        perform app.refuse('TM105', 'A one-time code is needed');
        return null;
    end if;

    perform app.set_actor(v_user.id, v_user.role, v_session_id);
    if v_has_second_factor
        and not app.accept_second_factor(v_user.id, p_otp_step, p_recovery_code) then
        perform app.set_actor(null, null);
        perform app.write_denial('log_in', 'TM106', v_user.id);
        perform app.refuse('TM106', 'The one-time code is wrong or has been used');
        return null;
    end if;

    perform app.forget_log_in_attempt(p_email, p_address);
    insert into app.sessions (id, user_id, second_factor_at)
    values (v_session_id, v_user.id, case when v_has_second_factor then app.clock() end);
    return app.issue_refresh_token(v_session_id, app.first_refresh_token());
end;
$$;

comment on function api.log_in(text, text, bigint, text, text) is
'Begins a session. p_password_hash: the password, hashed with the setting from api.log_in_salt; the
stored hash is compared here and never leaves the database. The refusal is the same whether the
account exists or not. An account with a second factor needs p_otp_step, the time step of the
caller''s one-time code (RFC 6238), or else p_recovery_code. Both are ignored for an account without
a second factor, and checked only after the password. p_address: the address of the client, for
app.log_in_limits. For every caller, logged in or not. Raises TM101, TM103, TM105, TM106.';

grant execute on function api.log_in(text, text, bigint, text, text) to telemed_api, telemed_dba;

commit;
