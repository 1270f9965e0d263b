-- Deploy telemed:identity/my_password_salt to pg

begin;

create function api.my_password_salt()
returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user app.users;
begin
    select u.* into strict v_user from app.users as u where u.id = v_actor.user_id;
    -- Counted like an attempt to log in, because it begins a guess of the password.
    perform app.count_log_in_attempt(v_user.email, null);
    return left(v_user.password_hash, 29);
end;
$$;

comment on function api.my_password_salt() is
'The bcrypt setting ($2b$, cost, $, salt) with which the caller hashes their current password before
api.change_password, api.request_email_change and api.close_my_account. Counts as a failed log-in
until one of these succeeds: one that is refused for another reason stays counted, so that nobody
can find out by many requests which addresses are registered. Raises TM101, TM102, TM302, TM801.';

grant execute on function api.my_password_salt() to telemed_api, telemed_dba;

commit;
