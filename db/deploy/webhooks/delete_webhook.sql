-- Deploy telemed:webhooks/delete_webhook to pg

begin;

create function api.delete_webhook(p_webhook_id uuid)
returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform app.require_role('admin');
    perform app.lock_webhook(p_webhook_id);
    update app.webhook_deliveries
    set status = 'given_up', settled_at = app.clock(), next_attempt_at = null
    where endpoint_id = p_webhook_id and status = 'pending';
    update app.webhook_endpoints
    set deleted_at = app.clock(), updated_at = app.clock(),
        disabled_at = app.clock(), disabled_because = 'deleted',
        secret = null, previous_secret = null, previous_ends_at = null
    where id = p_webhook_id;
end;
$$;

comment on function api.delete_webhook(uuid) is
'Deletes a webhook: its secrets are gone, and its pending deliveries are given up. A delivery that a
worker is sending at this moment may still arrive. For admins. Raises TM101, TM102, TM301, TM302,
TM415.';

grant execute on function api.delete_webhook to telemed_api, telemed_dba;

commit;
