-- Deploy telemed:identity/sign_up to pg

begin;

create function api.sign_up(p_email text, p_password_hash text, p_full_name text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user_id uuid := app.uuid_v7();
    v_user api.users;
begin
    perform app.forget_actor();
    perform app.proven_context();
    perform app.set_actor(v_user_id, 'patient');
    perform app.create_user(v_user_id, p_email, p_password_hash, p_full_name, 'patient');

    select * into strict v_user from api.users where id = v_user_id;
    return v_user;
end;
$$;

comment on function api.sign_up(text, text, text) is
'Creates the account of a patient; no other role can sign up. p_password_hash: see
app.users.password_hash. For every caller, logged in or not. Raises TM101, TM911.';

grant execute on function api.sign_up(text, text, text) to telemed_api, telemed_dba;

commit;
