-- Deploy telemed:identity/request_email_change to pg

begin;

create function api.request_email_change(p_email text, p_password_hash text)
returns setof api.email_verifications
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user app.users := app.lock_account(v_actor.user_id);
    v_holder app.users;
begin
    -- Verified again under the lock: another tab may have ended this session.
    perform app.current_actor();

    if v_user.password_hash is distinct from p_password_hash then
        raise exception 'The password is wrong' using errcode = 'TM220', column = 'password';
    end if;
    perform app.forget_log_in_attempt(v_user.email, null);
    if p_email = v_user.email then
        raise exception 'This is the e-mail address of the account already'
            using errcode = 'TM201', column = 'email';
    end if;
    -- users_email_is_unique_regardless_of_case decides when the token is used.
    v_holder := app.account_of_email(p_email);
    if v_holder.id <> v_user.id then
        raise exception 'The e-mail address is registered already'
            using errcode = 'TM911', column = 'email';
    end if;
    perform app.limit_email_verifications(v_user.id, p_email);
    return query
    select v.* from app.make_email_verification(v_user.id, p_email) as v;
end;
$$;

comment on function api.request_email_change(text, text) is
'Returns a token with which the caller can change the e-mail address of the account to p_email
within 24 hours (api.verify_email), and that address, to which it has to be sent. The account keeps
its address until then. p_password_hash: the password, hashed with the setting from
api.my_password_salt. The hint of TM802 has the seconds to wait. Raises TM101, TM102, TM201, TM220,
TM302, TM802, TM911.';

grant execute on function api.request_email_change(text, text) to telemed_api, telemed_dba;

commit;
