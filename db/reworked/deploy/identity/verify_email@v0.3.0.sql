-- Deploy telemed:identity/verify_email to pg

begin;

set local role telemed_internal;
create function app.spend_email_verification(p_user_id uuid, p_token text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hash bytea := sha256(convert_to(p_token, 'UTF8'));
    v_now timestamptz := app.clock();
    -- Lock order: the user, then their verifications.
    v_user app.users := app.lock_account(p_user_id);
    v_email text;
begin
    -- A retry, after the answer was lost
    if exists (
        select from app.email_verifications as v
        where v.token_hash = v_hash
          and v.user_id = v_user.id
          and v.email = v_user.email
          and v.used_at = v_user.email_verified_at)
    then
        return;
    end if;

    update app.email_verifications
    set used_at = v_now
    where token_hash = v_hash
      and user_id = v_user.id
      and used_at is null
      and revoked_at is null
      and expires_at > v_now
    returning email::text into v_email;
    if not found then
        raise exception 'The token is wrong, used or expired: request a new one'
            using errcode = 'TM231', column = 'token';
    end if;

    begin
        update app.users
        set email = v_email, email_verified_at = v_now
        where id = v_user.id;
    exception
        -- users_email_is_unique_regardless_of_case: somebody else has registered the address.
        when unique_violation then
            raise exception 'The e-mail address is registered already' using errcode = 'TM911';
    end;
end;
$$;

comment on function app.spend_email_verification(uuid, text) is
'Uses up a token of a user: its address becomes that of the account, and verified. The token that
has verified the present address is accepted again and changes nothing. Raises TM231, TM911.';
reset role;

create function api.verify_email(p_token text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user api.users;
begin
    perform app.spend_email_verification(v_actor.user_id, p_token);
    select * into strict v_user from api.users where id = v_actor.user_id;
    return v_user;
end;
$$;

comment on function api.verify_email(text) is
'Verifies the e-mail address to which the token p_token of the caller was sent, at sign-up or by
api.request_email_verification. The address of a token from api.request_email_change becomes that of
the account, which revokes tokens that were sent to the address before. A token is valid once; a
retry with the same token gets the same answer. Raises TM101, TM102, TM231, TM302, TM911.';

grant execute on function api.verify_email(text) to telemed_api, telemed_dba;

commit;
