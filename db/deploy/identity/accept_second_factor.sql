-- Deploy telemed:identity/accept_second_factor to pg

begin;

create function app.is_present_otp_step(p_otp_step bigint)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now bigint := floor(extract(epoch from app.clock()) / 30)::bigint;
begin
    return coalesce(p_otp_step between v_now - 2 and v_now + 2, false);
end;
$$;

comment on function app.is_present_otp_step(bigint) is
'Whether a time step of 30 seconds (RFC 6238, section 4.1) is the present one or at most two away:
one for a code that was typed slowly (section 5.2), one for clocks that differ.';

set local role telemed_internal;
create function app.accept_second_factor(
    p_user_id uuid,
    p_otp_step bigint,
    p_recovery_code text
)
returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- Lock order: the user, then their codes. Of concurrent requests with one code, one UPDATE is
    -- first; the others wait for the row and find the code used.
    if p_otp_step is not null then
        update app.users
        set mfa_last_step = p_otp_step
        where id = p_user_id
          and mfa_confirmed_at is not null
          and p_otp_step > coalesce(mfa_last_step, 0)
          and app.is_present_otp_step(p_otp_step);
        return found;
    end if;

    perform from app.users as u
    where u.id = p_user_id and u.mfa_confirmed_at is not null
    for no key update;
    if not found then
        return false;
    end if;
    update app.recovery_codes
    set spent_at = app.clock()
    where user_id = p_user_id
      and code_hash = app.recovery_code_hash(p_recovery_code)
      and spent_at is null;
    return found;
end;
$$;

comment on function app.accept_second_factor(uuid, bigint, text) is
'Uses up a one-time code, given by its time step, or else a recovery code of a user who has a second
factor. Returns false for a code that is wrong, out of date or used already: each code is accepted
once.';

commit;
