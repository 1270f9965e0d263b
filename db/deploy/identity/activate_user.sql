-- Deploy telemed:identity/activate_user to pg

begin;

create function api.activate_user(p_user_id uuid)
returns api.accounts
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_account api.accounts;
begin
    perform app.require_role('admin');

    update app.users
    set deactivated_at = null
    where id = p_user_id and deactivated_at is not null;

    select * into v_account from api.accounts where id = p_user_id;
    if not found then
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;
    perform app.record_read('activate_user', array[p_user_id]);
    return v_account;
end;
$$;

comment on function api.activate_user(uuid) is
'Activates a deactivated account: its user can log in again. Sessions that have ended and slots that
were withdrawn stay so. An active account stays as it is. The access log records the call, because
the answer has data of the user. For admins. Raises TM101, TM102, TM301, TM302, TM406.';

grant execute on function api.activate_user(uuid) to telemed_api, telemed_dba;

commit;
