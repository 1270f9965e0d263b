-- Deploy telemed:identity/confirm_mfa to pg

begin;

create type api.recovery_codes as (recovery_codes text[]);

comment on type api.recovery_codes is
'Codes that stand in for a second factor that is lost, each good for one use; told only here.';

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
    -- Whoever waited for the lock may have waited for the end of this session.
    perform app.signed_in_actor();
    if v_user.mfa_confirmed_at is not null then
        raise exception 'There is a second factor already: remove it first' using errcode = 'TM914';
    end if;
    if v_user.mfa_secret is null then
        raise exception 'There is no second factor to confirm' using errcode = 'TM915';
    end if;
    -- A code of another secret, one that was stored a moment ago, proves nothing about this one.
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
'Puts the second factor that the caller has enrolled in force, and counts the calling session as
begun with it. p_secret: the encrypted secret that a code has been checked against, as
api.my_mfa_secret gave it; p_otp_step: the time step whose code that was (RFC 6238), null for a
wrong code. Returns ten recovery codes. Needs no second factor. Raises TM101, TM102, TM106, TM914,
TM915.';

grant execute on function api.confirm_mfa(text, bigint) to telemed_api, telemed_dba;

commit;
