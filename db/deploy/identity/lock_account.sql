-- Deploy telemed:identity/lock_account to pg

begin;

set local role telemed_internal;
create function app.lock_account(p_user_id uuid)
returns app.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    select u.* into v_user from app.users as u where u.id = p_user_id for no key update;
    return v_user;
end;
$$;

comment on function app.lock_account(uuid) is
'Locks an account and returns it as it is under the lock, or null. Its password, role and
deactivation do not change until the end of the transaction.';

commit;
