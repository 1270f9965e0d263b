-- Deploy telemed:identity/my_password_salt to pg

begin;

create function api.my_password_salt()
returns text
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
set app.verified_user_id = '' set app.verified_role = ''
as $$
declare
    v_actor app.actor := app.current_actor();
begin
    return (select left(u.password_hash, 29) from app.users as u where u.id = v_actor.user_id);
end;
$$;

comment on function api.my_password_salt() is
'The bcrypt setting ($2b$, cost, $, salt) with which the caller hashes their current password before
api.change_password. Raises TM101, TM102, TM302.';

grant execute on function api.my_password_salt() to telemed_api, telemed_dba;

commit;
