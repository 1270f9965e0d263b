-- Deploy telemed:webhooks/create_webhook to pg

begin;

create view api.webhooks_with_secret as
select w.*, convert_from(e.secret, 'UTF8') as secret
from api.webhooks as w
inner join app.webhook_endpoints as e on e.id = w.id;

comment on view api.webhooks_with_secret is
'A webhook with its secret, encrypted as its creator has passed it.';

create function api.create_webhook(
    p_url text,
    p_secret text,
    p_event_types text[] default '{}',
    p_description text default null,
    p_idempotency_key text default null
)
returns api.webhooks_with_secret
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_actor app.actor := app.require_role('admin');
    v_key app.idempotency_keys;
    v_id uuid;
    v_secret text;
    v_webhook api.webhooks_with_secret;
begin
    -- The secret is left out: it is another one each time.
    v_key := app.claim_key(
        v_actor.user_id, 'create_webhook', p_idempotency_key,
        jsonb_build_object(
            'url', p_url, 'event_types', p_event_types,
            'description', normalize(p_description, nfc)));
    if v_key.created_at is not null then
        -- The outcome has only a digest of the secret, which is deleted with the webhook.
        select w.secret into v_secret
        from api.webhooks_with_secret as w where w.id = v_key.resource_id;
        if encode(sha256(convert_to(v_secret, 'UTF8')), 'hex')
            is distinct from v_key.response ->> 'secret_digest' then
            raise exception 'The webhook was created, but its first secret is not kept any more'
                using errcode = 'TM942';
        end if;
        return jsonb_populate_record(
            null::api.webhooks_with_secret,
            v_key.response || jsonb_build_object('secret', v_secret));
    end if;

    if p_secret is null then
        raise exception 'A secret is missing' using errcode = 'TM201', column = 'secret';
    end if;
    perform app.check_webhook(p_event_types, p_secret);

    insert into app.webhook_endpoints (url, description, event_types, secret)
    values (p_url, p_description, coalesce(p_event_types, '{}'), convert_to(p_secret, 'UTF8'))
    returning id into v_id;

    select w.* into strict v_webhook from api.webhooks_with_secret as w where w.id = v_id;
    perform app.settle_key(
        v_key, v_id,
        to_jsonb(v_webhook) - 'secret' || jsonb_build_object(
            'secret_digest', encode(sha256(convert_to(v_webhook.secret, 'UTF8')), 'hex')));
    return v_webhook;
end;
$$;

comment on function api.create_webhook is
'Creates a webhook: events that occur from now on are sent to p_url, an https address. p_secret: the
secret that signs, encrypted by the caller, at most 1024 bytes; the database cannot decrypt it.
"python -m api webhook-secret" makes one for psql. p_event_types: the types of events; empty for
every type but those of slots. p_description: one line. p_idempotency_key is optional; a replay does
not compare the secret, and returns that of the first request, unless it was replaced or the webhook
deleted since (TM942). For admins. Raises TM101, TM102, TM201, TM203, TM301, TM302, TM942, TM991.';

grant execute on function api.create_webhook to telemed_api, telemed_dba;

commit;
