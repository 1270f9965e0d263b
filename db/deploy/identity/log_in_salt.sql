-- Deploy telemed:identity/log_in_salt to pg

begin;

create function api.log_in_salt(p_email text, p_cost integer)
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_setting text;
begin
    if p_cost is null or p_cost not between 4 and 31 then
        raise exception 'The cost must be from 4 to 31' using errcode = 'TM201', column = 'cost';
    end if;

    select left(u.password_hash, 29) into v_setting
    from app.users as u
    where lower(u.email) = lower(p_email);
    if found then
        return v_setting;
    end if;

    -- 22 characters of bcrypt's alphabet; of the last one only two bits belong to the salt.
    select format('$2b$%s$%s.',
        lpad(p_cost::text, 2, '0'),
        left(translate(encode(
            extensions.hmac(convert_to(lower(coalesce(p_email, '')), 'UTF8'), s.value, 'sha256'),
            'base64'), '+=', '..'), 21))
    into strict v_setting
    from app.secrets as s
    where s.name = 'invented_salt';
    return v_setting;
end;
$$;

comment on function api.log_in_salt(text, integer) is
'The bcrypt setting ($2b$, cost, $, salt) with which the caller hashes a password before
api.log_in. An unknown account gets an invented one with cost p_cost (4 to 31), the same each
time, so that the answer and the work say nothing about who has an account. Anybody may call it.
Raises TM201.';

grant execute on function api.log_in_salt(text, integer) to telemed_api, telemed_dba;

commit;
