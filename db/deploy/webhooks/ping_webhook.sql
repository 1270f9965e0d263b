-- Deploy telemed:webhooks/ping_webhook to pg

begin;

create function api.ping_webhook(p_webhook_id uuid)
returns api.webhook_deliveries
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid;
    v_delivery api.webhook_deliveries;
begin
    perform app.require_role('admin');
    perform app.lock_webhook(p_webhook_id);
    insert into app.webhook_deliveries (endpoint_id, event_type, body)
    values (
        p_webhook_id, 'webhook.ping',
        app.webhook_body(
            'webhook.ping', app.clock(), jsonb_build_object('webhook_id', p_webhook_id)))
    returning id into v_id;
    perform app.deliver_webhook(v_id, null);

    select d.* into strict v_delivery from api.webhook_deliveries as d where d.id = v_id;
    return v_delivery;
end;
$$;

comment on function api.ping_webhook(uuid) is
'Sends a test to a webhook, also to a disabled one: type webhook.ping, with the id of the webhook as
data. It is tried once. api.list_webhook_attempts has the outcome. For admins. Raises TM101, TM102,
TM301, TM302, TM415.';

grant execute on function api.ping_webhook to telemed_api, telemed_dba;

commit;
