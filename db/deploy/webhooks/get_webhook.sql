-- Deploy telemed:webhooks/get_webhook to pg

begin;

create function api.get_webhook(p_webhook_id uuid)
returns api.webhooks
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_webhook api.webhooks;
begin
    perform app.require_role('admin');
    select w.* into v_webhook from api.webhooks as w where w.id = p_webhook_id;
    if not found then
        raise exception 'There is no such webhook' using errcode = 'TM415';
    end if;
    return v_webhook;
end;
$$;

comment on function api.get_webhook(uuid) is
'Returns one webhook, without its secrets. For admins. Raises TM101, TM102, TM301, TM302, TM415.';

grant execute on function api.get_webhook to telemed_api, telemed_dba;

commit;
