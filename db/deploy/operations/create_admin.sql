-- Deploy telemed:operations/create_admin to pg

begin;

set local role telemed_internal;
create function ops.create_admin(p_email text, p_password_hash text, p_full_name text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user_id uuid := app.uuid_v7();
    v_user api.users;
begin
    perform app.forget_actor();
    perform app.create_user(v_user_id, p_email, p_password_hash, p_full_name, 'admin');

    select
        u.id, u.email::text, u.role, p.full_name::text, p.phone::text, p.date_of_birth,
        u.created_at::timestamptz, u.email_verified_at::timestamptz, p.language,
        p.time_zone::text, u.mfa_confirmed_at::timestamptz
    into strict v_user
    from app.users as u
    inner join app.profiles as p on p.user_id = u.id
    where u.id = v_user_id;
    return v_user;
end;
$$;

comment on function ops.create_admin(text, text, text) is
'Creates the account of an admin and returns it. The REST API has no route for this.
p_password_hash: see app.users.password_hash. Raises TM911.';

grant execute on function ops.create_admin(text, text, text) to telemed_dba;

commit;
