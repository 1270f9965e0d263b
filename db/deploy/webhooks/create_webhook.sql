-- Deploy telemed:webhooks/create_webhook to pg

begin;

create function api.create_webhook(
    p_url text,
    p_secret text,
    p_event_types text[] default '{}',
    p_description text default null
)
returns api.webhooks
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid;
    v_webhook api.webhooks;
begin
    perform app.require_role('admin');
    if p_secret is null then
        raise exception 'A secret is missing' using errcode = 'TM201', column = 'secret';
    end if;
    perform app.check_webhook(p_event_types, p_secret);

    insert into app.webhook_endpoints (url, description, event_types, secret)
    values (p_url, p_description, coalesce(p_event_types, '{}'), convert_to(p_secret, 'UTF8'))
    returning id into v_id;

    select w.* into strict v_webhook from api.webhooks as w where w.id = v_id;
    return v_webhook;
end;
$$;

comment on function api.create_webhook(text, text, text[], text) is
'Creates a webhook: events that occur from now on are sent to p_url, an https address. p_secret: the
secret that signs, encrypted by the caller, at most 1024 bytes; the database cannot decrypt it.
"python -m api webhook-secret" makes one for psql. p_event_types: the types of events; empty for
every type. p_description: one line. For admins. Raises TM101, TM102, TM201, TM301, TM302.';

grant execute on function api.create_webhook to telemed_api, telemed_dba;

commit;
