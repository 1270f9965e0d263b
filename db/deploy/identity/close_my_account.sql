-- Deploy telemed:identity/close_my_account to pg

begin;

create function api.close_my_account(p_password_hash text)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('patient');
    -- Lock order: the user, consultations by id, then doctors and slots (in triggers). A booking
    -- locks the user as well, so none is added meanwhile.
    v_user app.users := app.lock_account(v_actor.user_id);
    v_upcoming uuid[];
begin
    -- Verified again under the lock: another tab may have ended this session.
    perform app.require_role('patient');

    if v_user.password_hash is distinct from p_password_hash then
        raise exception 'The password is wrong' using errcode = 'TM220', column = 'password';
    end if;
    perform app.forget_log_in_attempt(v_user.email, null);

    v_upcoming := array(
        select c.id from app.consultations as c
        where c.patient_id = v_actor.user_id
          and c.status = 'scheduled'
          and c.starts_at > app.clock()
        order by c.id
        for no key update);
    update app.consultations
    set status = 'cancelled', cancellation_reason = 'The patient has closed the account'
    where id = any (v_upcoming);
    -- Triggers on app.users end the sessions and revoke the tokens that were sent by e-mail.
    update app.users set deactivated_at = app.clock() where id = v_actor.user_id;
end;
$$;

comment on function api.close_my_account(text) is
'Closes the account of the calling patient: cancels their consultations that have not begun, ends
their sessions, and deactivates the account. Medical records, payments and logs are kept as long as
the law requires; an admin can activate the account again. Doctors and admins ask an admin
(api.deactivate_user). A repeated call is refused with TM102, because the session has ended.
p_password_hash: the password, hashed with the setting from api.my_password_salt. Raises TM101,
TM102, TM208, TM220, TM301, TM302.';

grant execute on function api.close_my_account(text) to telemed_api, telemed_dba;

commit;
