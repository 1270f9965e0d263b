-- Deploy telemed:identity/create_user to pg

begin;

set local role telemed_internal;
create function app.create_user(
    p_user_id uuid,
    p_email text,
    p_password_hash text,
    p_full_name text,
    p_role text
)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- users_email_is_unique_regardless_of_case decides between two sign-ups with one address.
    insert into app.users (id, email, password_hash, role)
    values (p_user_id, p_email, p_password_hash, p_role)
    on conflict (app.normal_email(email)) do nothing;
    if not found then
        raise exception 'The e-mail address is registered already'
            using errcode = 'TM911', column = 'email';
    end if;

    insert into app.profiles (user_id, full_name) values (p_user_id, p_full_name);
end;
$$;

comment on function app.create_user(uuid, text, text, text, text) is
'Creates an account with the role p_role, and its profile. Raises TM911.';

commit;
