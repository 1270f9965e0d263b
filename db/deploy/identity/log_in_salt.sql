-- Deploy telemed:identity/log_in_salt to pg

begin;

set local role telemed_internal;
create function app.invented_setting(p_email text, p_cost integer)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    -- 22 characters of bcrypt's alphabet; of the last one only two bits belong to the salt.
    return (
        select format('$2b$%s$%s.',
            lpad(p_cost::text, 2, '0'),
            left(translate(encode(
                extensions.hmac(
                    convert_to(app.normal_email(coalesce(p_email, '')), 'UTF8'), s.value,
                    'sha256'),
                'base64'), '+=', '..'), 21))
        from app.secrets as s
        where s.name = 'invented_salt');
end;
$$;

comment on function app.invented_setting(text, integer) is
'The bcrypt setting of an account that does not exist: the same each time, and not to be predicted
without a secret key of the database.';
reset role;

create function api.log_in_salt(p_email text, p_cost integer, p_address text default null)
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_user app.users;
begin
    perform app.forget_actor();
    perform app.proven_context();
    if p_cost is null or p_cost not between 4 and 31 then
        raise exception 'The cost must be from 4 to 31' using errcode = 'TM201', column = 'cost';
    end if;

    perform app.count_log_in_attempt(p_email, p_address);

    v_user := app.account_of_email(p_email);
    if v_user.id is not null then
        return left(v_user.password_hash, 29);
    end if;
    return app.invented_setting(p_email, p_cost);
end;
$$;

comment on function api.log_in_salt(text, integer, text) is
'The bcrypt setting ($2b$, cost, $, salt) with which the caller hashes a password before api.log_in.
An unknown account gets an invented setting with the cost p_cost (4 to 31), the same each time, so
that neither the answer nor the work reveals which accounts exist. The attempt counts as failed
until api.log_in succeeds; p_address: the address of the client, for app.log_in_limits. For every
caller, logged in or not. Raises TM101, TM201, TM801.';

grant execute on function api.log_in_salt(text, integer, text) to telemed_api, telemed_dba;

commit;
