-- Deploy telemed:identity/change_password to pg

begin;

create function api.change_password(p_current_password_hash text, p_new_password_hash text)
returns api.sessions
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.current_actor();
    v_user app.users := app.lock_account(v_actor.user_id);
    v_session_id uuid;
begin
    -- Verified again under the lock: another tab may have ended this session.
    perform app.current_actor();

    if v_user.password_hash is distinct from p_current_password_hash then
        raise exception 'The current password is wrong'
            using errcode = 'TM220', column = 'current_password';
    end if;
    if p_new_password_hash = p_current_password_hash then
        raise exception 'The new password is the current one'
            using errcode = 'TM221', column = 'new_password';
    end if;

    perform app.forget_log_in_attempt(v_user.email, null);
    -- sessions_end_with_what_they_rest_on ends all sessions, this one too; then a new one begins.
    update app.users set password_hash = p_new_password_hash where id = v_actor.user_id;
    insert into app.sessions (user_id, second_factor_at)
    values (
        v_actor.user_id,
        (select s.second_factor_at from app.sessions as s where s.id = v_actor.session_id))
    returning id into v_session_id;
    return app.issue_refresh_token(v_session_id, app.first_refresh_token());
end;
$$;

comment on function api.change_password(text, text) is
'Gives the caller a new password, ends all their sessions and begins a new one, with the second
factor of the calling session. p_current_password_hash: the current password, hashed with the
setting from api.my_password_salt; the stored hash is compared here and never leaves the database.
p_new_password_hash: see app.users.password_hash. A caller who sends the current password as the new
one must send the same hash twice, because another salt would hide that they are equal. Raises
TM101, TM102, TM220, TM221, TM302.';

grant execute on function api.change_password(text, text) to telemed_api, telemed_dba;

commit;
