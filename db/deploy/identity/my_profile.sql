-- Deploy telemed:identity/my_profile to pg

begin;

create function api.my_profile()
returns api.users
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.signed_in_actor();
    v_user api.users;
begin
    select * into strict v_user from api.users where id = v_actor.user_id;
    return v_user;
end;
$$;

comment on function api.my_profile() is
'The caller''s account and profile. Needs no second factor. Raises TM101, TM102.';

grant execute on function api.my_profile() to telemed_api, telemed_dba;

commit;
