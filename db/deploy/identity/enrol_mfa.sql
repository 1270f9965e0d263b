-- Deploy telemed:identity/enrol_mfa to pg

begin;

create function api.enrol_mfa(p_secret text)
returns api.users
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_user api.users;
begin
    if p_secret is null then
        raise exception 'A secret is missing' using errcode = 'TM201', column = 'secret';
    end if;

    update app.users
    set mfa_secret = convert_to(p_secret, 'UTF8'), mfa_last_step = null
    where id = v_actor.user_id and mfa_confirmed_at is null;
    if not found then
        raise exception 'The account has a second factor already: remove it first'
            using errcode = 'TM914';
    end if;

    select * into strict v_user from api.users where id = v_actor.user_id;
    return v_user;
end;
$$;

comment on function api.enrol_mfa(text) is
'Stores the secret of the caller''s one-time codes, which api.confirm_mfa puts in force; until then
another call replaces it. p_secret: encrypted by the caller, at most 1024 bytes; the database cannot
decrypt it. Needs no second factor. Raises TM101, TM102, TM201, TM914.';

grant execute on function api.enrol_mfa(text) to telemed_api, telemed_dba;

commit;
