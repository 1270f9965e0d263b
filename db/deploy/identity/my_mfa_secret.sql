-- Deploy telemed:identity/my_mfa_secret to pg

begin;

create function api.my_mfa_secret()
returns api.mfa_secrets
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_secret api.mfa_secrets;
begin
    select u.id, convert_from(u.mfa_secret, 'UTF8') into strict v_secret
    from app.users as u
    where u.id = v_actor.user_id;
    return v_secret;
end;
$$;

comment on function api.my_mfa_secret() is
'The encrypted secret of the caller''s one-time codes, confirmed or not; null if there is none. For
the check of a code before api.confirm_mfa and api.disable_mfa. Needs no second factor. Raises
TM101, TM102.';

grant execute on function api.my_mfa_secret() to telemed_api, telemed_dba;

commit;
