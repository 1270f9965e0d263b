-- Deploy telemed:identity/account_with_password to pg

begin;

create function app.account_with_password(p_email text, p_password_hash text)
returns app.users
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users := app.account_of_email(p_email);
begin
    if v_user.password_hash is distinct from p_password_hash
        or p_password_hash is null
        or v_user.deactivated_at is not null then
        return null;
    end if;
    return v_user;
end;
$$;

comment on function app.account_with_password(text, text) is
'The account with an e-mail address and a password hash, or null. The answer is null for an unknown
address, a wrong password and a deactivated account alike.';

commit;
