-- Deploy telemed:identity/account_of_email to pg

begin;

set local role telemed_internal;
create function app.account_of_email(p_email text)
returns app.users
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    select u.* into v_user
    from app.users as u where app.normal_email(u.email) = app.normal_email(p_email);
    return v_user;
end;
$$;

comment on function app.account_of_email(text) is
'The account with an e-mail address, whatever its case and composition (app.normal_email), or null.
For functions that find out who the caller is, and for admins.';

commit;
