-- Deploy telemed:identity/mfa_secret to pg

begin;

create type api.mfa_secrets as (user_id uuid, secret text);

comment on type api.mfa_secrets is
'The encrypted secret of a user''s one-time codes, which only the REST API can decrypt. Both fields
are null if there is none.';

create function api.mfa_secret(p_email text, p_password_hash text)
returns api.mfa_secrets
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    perform app.forget_actor();
    perform app.proven_context();
    v_user := app.account_with_password(p_email, p_password_hash);
    if v_user.mfa_confirmed_at is null then
        return (null, null)::api.mfa_secrets;
    end if;
    return (v_user.id, convert_from(v_user.mfa_secret, 'UTF8'))::api.mfa_secrets;
end;
$$;

comment on function api.mfa_secret(text, text) is
'The encrypted secret of the one-time codes of an account, for the check of a code before
api.log_in. Both fields are null without a second factor, and whenever api.log_in would refuse the
password. For every caller, logged in or not. Raises TM101.';

grant execute on function api.mfa_secret(text, text) to telemed_api, telemed_dba;

commit;
