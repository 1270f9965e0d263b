-- Deploy telemed:identity/confirm_mfa to pg

begin;

create type api.recovery_codes as (recovery_codes text[]);

comment on type api.recovery_codes is
'Recovery codes, each of which replaces a lost second factor once. They are returned only here.';

create function api.confirm_mfa(p_secret text, p_otp_step bigint)
returns api.recovery_codes
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_user app.users;
begin
    -- Lock order: the user, then their codes, then the session.
    select u.* into strict v_user
    from app.users as u
    where u.id = v_actor.user_id
    for no key update;
    -- Verified again: the session may have ended while this call waited for the lock.
    perform app.signed_in_actor();
    if v_user.mfa_confirmed_at is not null then
        raise exception 'The account has a second factor already: remove it first'
            using errcode = 'TM914';
    end if;
    if v_user.mfa_secret is null then
        raise exception 'There is no second factor to confirm' using errcode = 'TM915';
    end if;
    -- A code of a secret that was replaced a moment ago proves nothing about the present one.
    if convert_to(p_secret, 'UTF8') is distinct from v_user.mfa_secret
        or not app.is_present_otp_step(p_otp_step) then
        raise exception 'The one-time code is wrong or has been used' using errcode = 'TM106';
    end if;

    update app.users
    set mfa_confirmed_at = app.clock(), mfa_last_step = p_otp_step
    where id = v_actor.user_id;
    update app.sessions set second_factor_at = app.clock() where id = v_actor.session_id;
    return row(app.issue_recovery_codes(v_actor.user_id))::api.recovery_codes;
end;
$$;

comment on function api.confirm_mfa(text, bigint) is
'Puts the second factor that the caller has enrolled in force. The calling session then counts as
begun with it. p_secret: the encrypted secret that the code was checked against, as
api.my_mfa_secret returned it; p_otp_step: the time step of the code (RFC 6238), null for a wrong
code. Returns ten recovery codes. Needs no second factor. Raises TM101, TM102, TM106, TM914,
TM915.';

grant execute on function api.confirm_mfa(text, bigint) to telemed_api, telemed_dba;

commit;
