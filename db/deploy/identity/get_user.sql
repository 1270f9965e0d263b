-- Deploy telemed:identity/get_user to pg

begin;

create function api.get_user(p_user_id uuid)
returns api.accounts
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_account api.accounts;
begin
    perform app.require_role('admin');
    select a.* into v_account from api.accounts as a where a.id = p_user_id;
    if not found then
        raise exception 'There is no such user' using errcode = 'TM406';
    end if;
    perform app.record_read('get_user', array[p_user_id]);
    return v_account;
end;
$$;

comment on function api.get_user(uuid) is
'One account. For admins; the access log records the call. Raises TM101, TM102, TM301, TM302,
TM406.';

grant execute on function api.get_user to telemed_api, telemed_dba;

commit;
