-- Deploy telemed:identity/deactivate_user to pg

begin;

create function api.deactivate_user(p_user_id uuid)
returns api.accounts
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_account api.accounts;
begin
    if p_user_id = v_actor.user_id then
        raise exception 'Nobody deactivates their own account' using errcode = 'TM920';
    end if;

    -- Of two admins who deactivate each other, the second waits here and is no admin any more: one
    -- is always left. In the order of their ids, so that nobody waits in a circle.
    perform from app.users as u
    where u.id in (v_actor.user_id, p_user_id)
    order by u.id
    for no key update;
    perform app.require_role('admin');

    update app.users
    set deactivated_at = app.clock()
    where id = p_user_id and deactivated_at is null;

    select * into v_account from api.accounts where id = p_user_id;
    if not found then
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;
    return v_account;
end;
$$;

comment on function api.deactivate_user(uuid) is
'Closes an account: its user is out from their next request on and cannot log in. A doctor''s open
slots are withdrawn; consultations that are booked stand. An account that is closed stays as it is.
For admins, about others. Raises TM101, TM102, TM208, TM301, TM302, TM406, TM920.';

grant execute on function api.deactivate_user(uuid) to telemed_api, telemed_dba;

commit;
