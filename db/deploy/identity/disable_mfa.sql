-- Deploy telemed:identity/disable_mfa to pg

begin;

create function api.disable_mfa(
    p_otp_step bigint default null,
    p_recovery_code text default null
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_confirmed_at app.instant;
begin
    -- Lock order: the user, then their codes, then the session.
    select u.mfa_confirmed_at into strict v_confirmed_at
    from app.users as u
    where u.id = v_actor.user_id
    for no key update;
    -- Verified again: a wrong code may have ended the session while this call waited for the lock.
    perform app.signed_in_actor();
    if v_confirmed_at is null then
        raise exception 'There is no second factor to remove' using errcode = 'TM915';
    end if;

    if app.accept_second_factor(v_actor.user_id, p_otp_step, p_recovery_code) then
        update app.users
        set mfa_secret = null, mfa_confirmed_at = null, mfa_last_step = null
        where id = v_actor.user_id;
        return;
    end if;

    -- A stolen session could be used to try code after code: the fifth wrong code ends it.
    update app.sessions
    set wrong_codes = wrong_codes + 1,
        revoked_at = case when wrong_codes >= 4 then app.clock() end
    where id = v_actor.session_id and revoked_at is null;
    perform app.refuse('TM106', 'The one-time code is wrong or has been used');
end;
$$;

comment on function api.disable_mfa(bigint, text) is
'Removes the caller''s second factor and its recovery codes; no session counts as begun with it any
more. p_otp_step: the time step of the caller''s one-time code (RFC 6238), or else p_recovery_code.
The fifth wrong code of a session ends the session. Needs no second factor in this session: the code
is one. Raises TM101, TM102, TM106, TM915.';

grant execute on function api.disable_mfa(bigint, text) to telemed_api, telemed_dba;

commit;
