-- Deploy telemed:identity/account_named to pg

begin;

set local role telemed_internal;
create function app.account_named(p_user text)
returns app.users
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    -- No id has an at sign, and every e-mail address has one.
    if position('@' in p_user) > 0 then
        return app.account_of_email(p_user);
    end if;
    select u.* into v_user from app.users as u where u.id::text = lower(p_user);
    return v_user;
end;
$$;

comment on function app.account_named(text) is
'The account with an e-mail address or an id, or null. For functions of DBAs.';

commit;
