-- Deploy telemed:identity/sign_up to pg

begin;

create type api.sign_ups as (
    id uuid,
    email text,
    role text,
    full_name text,
    phone text,
    date_of_birth date,
    created_at timestamptz,
    email_verified_at timestamptz,
    language text,
    time_zone text,
    mfa_confirmed_at timestamptz,
    verification_token text
);

comment on type api.sign_ups is
'A new account with its profile, and the token that verifies its e-mail address, to send to that
address. The token is returned only here.';

create function api.sign_up(p_email text, p_password_hash text, p_full_name text)
returns api.sign_ups
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user_id uuid := app.uuid_v7();
    v_sign_up api.sign_ups;
begin
    perform app.forget_actor();
    perform app.proven_context();
    perform app.set_actor(v_user_id, 'patient');
    perform app.create_user(v_user_id, p_email, p_password_hash, p_full_name, 'patient');

    select u.*, v.token into strict v_sign_up
    from api.users as u
    cross join app.make_email_verification(v_user_id, p_email) as v
    where u.id = v_user_id;
    return v_sign_up;
end;
$$;

comment on function api.sign_up(text, text, text) is
'Creates the account of a patient; no other role can sign up. Returns a token that verifies the
e-mail address within 24 hours (api.verify_email). p_password_hash: see app.users.password_hash. For
every caller, logged in or not. Raises TM101, TM911.';

grant execute on function api.sign_up(text, text, text) to telemed_api, telemed_dba;

commit;
