-- Deploy telemed:identity/issue_recovery_codes to pg

begin;

create function app.new_recovery_code()
returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_bytes bytea := extensions.gen_random_bytes(24);
begin
    -- 32 characters that are hard to confuse. 32 divides 256, so that all are equally likely.
    return (
        select regexp_replace(
            string_agg(
                substr('abcdefghijklmnopqrstuvwxyz234567', 1 + get_byte(v_bytes, n) % 32, 1), ''),
            '(......)(?!$)', '\1-', 'g')
        from generate_series(0, 23) as n);
end;
$$;

comment on function app.new_recovery_code() is
'120 random bits in base32 (RFC 4648, section 6), in four groups of six characters.';

create function app.recovery_code_hash(p_code text)
returns bytea
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return sha256(convert_to(lower(translate(p_code, ' -', '')), 'UTF8'));
end;
$$;

comment on function app.recovery_code_hash(text) is
'The SHA-256 of a recovery code. Its capital letters, spaces and hyphens make no difference.';

set local role telemed_internal;
create function app.issue_recovery_codes(p_user_id uuid)
returns text[]
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_codes text[] := array(select app.new_recovery_code() from generate_series(1, 10));
begin
    update app.recovery_codes
    set spent_at = app.clock()
    where user_id = p_user_id and spent_at is null;
    insert into app.recovery_codes (user_id, code_hash)
    select p_user_id, app.recovery_code_hash(c.code) from unnest(v_codes) as c (code);
    return v_codes;
end;
$$;

comment on function app.issue_recovery_codes(uuid) is
'Issues ten new recovery codes to a user, which replace the earlier ones. They are returned only
here.';

commit;
