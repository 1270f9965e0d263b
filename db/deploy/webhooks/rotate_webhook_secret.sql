-- Deploy telemed:webhooks/rotate_webhook_secret to pg

begin;

create function api.rotate_webhook_secret(
    p_webhook_id uuid,
    p_secret text,
    p_previous_hours integer default 24,
    p_versions text[] default null
)
returns api.webhooks
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_webhook api.webhooks;
begin
    perform app.require_role('admin');
    if p_secret is null then
        raise exception 'A secret is missing' using errcode = 'TM201', column = 'secret';
    end if;
    perform app.check_webhook(null, p_secret);
    if p_previous_hours is null or p_previous_hours not between 0 and 168 then
        raise exception 'The previous secret can sign for 0 to 168 hours'
            using errcode = 'TM201', column = 'previous_hours';
    end if;

    perform app.lock_webhook(p_webhook_id);
    select w.* into strict v_webhook from api.webhooks as w where w.id = p_webhook_id;
    -- A request that is sent twice must not replace the secret twice: nobody has the one between.
    perform app.require_version(p_versions, v_webhook);
    update app.webhook_endpoints
    set secret = convert_to(p_secret, 'UTF8'),
        previous_secret = case when p_previous_hours > 0 then secret end,
        previous_ends_at = case
            when p_previous_hours > 0 then app.clock() + interval '1 hour' * p_previous_hours
        end,
        updated_at = app.clock()
    where id = p_webhook_id;

    select w.* into strict v_webhook from api.webhooks as w where w.id = p_webhook_id;
    return v_webhook;
end;
$$;

comment on function api.rotate_webhook_secret(uuid, text, integer, text[]) is
'Replaces the secret of a webhook. For p_previous_hours (0 to 168) the secret before signs as well,
so that each delivery has two signatures and the receiver can change at any time in between; a
secret before that one is gone. p_secret: see api.create_webhook. p_versions: the entity tags of the
row that the caller has read with api.get_webhook; * for any. For admins. Raises TM101, TM102,
TM201, TM301, TM302, TM415, TM501, TM601.';

grant execute on function api.rotate_webhook_secret to telemed_api, telemed_dba;

commit;
