-- Deploy telemed:webhooks/update_webhook to pg

begin;

create function api.update_webhook(
    p_webhook_id uuid,
    p_url text default null,
    p_event_types text[] default null,
    p_description text default null,
    p_is_enabled boolean default null,
    p_clear text[] default '{}',
    p_versions text[] default null
)
returns api.webhooks
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_endpoint app.webhook_endpoints;
    v_webhook api.webhooks;
begin
    perform app.require_role('admin');
    perform app.require_clearable(p_clear, '{description}');
    perform app.check_webhook(p_event_types, null);

    v_endpoint := app.lock_webhook(p_webhook_id);
    select w.* into strict v_webhook from api.webhooks as w where w.id = p_webhook_id;
    perform app.require_version(p_versions, v_webhook);

    update app.webhook_endpoints
    set url = coalesce(p_url, url),
        event_types = coalesce(p_event_types, event_types),
        description = case
            when 'description' = any (p_clear) then p_description
            else coalesce(p_description, description)
        end,
        updated_at = app.clock(),
        enabled_at = case
            when p_is_enabled and disabled_at is not null then clock_timestamp()
            else enabled_at
        end
    where id = p_webhook_id;

    if not p_is_enabled then
        perform app.disable_webhook(p_webhook_id, 'by_admin');
    elsif p_is_enabled and v_endpoint.disabled_at is not null then
        update app.webhook_endpoints
        set disabled_at = null, disabled_because = null, consecutive_failures = 0,
            first_failed_at = null
        where id = p_webhook_id;
    end if;

    select w.* into strict v_webhook from api.webhooks as w where w.id = p_webhook_id;
    return v_webhook;
end;
$$;

comment on function api.update_webhook is
'Changes a webhook. Null leaves a field as it is; p_clear names the fields that become null:
description. p_is_enabled: false gives its pending deliveries up and sends nothing more; true sends
the events that occur from now on; api.redeliver_webhook sends those that were missed. With new
p_event_types the next event of a consultation brings the earlier ones of the last week with it.
Pending deliveries go to the new p_url. Other arguments: see api.create_webhook. p_versions: the
entity tags of the row that the caller has read with api.get_webhook; * for any. For admins. Raises
TM101, TM102, TM201, TM301, TM302, TM415, TM501, TM601.';

grant execute on function api.update_webhook to telemed_api, telemed_dba;

commit;
