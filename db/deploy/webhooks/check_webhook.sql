-- Deploy telemed:webhooks/check_webhook to pg

begin;

create function app.webhook_event_types()
returns text[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return '{
        consultation.booked,consultation.rescheduled,consultation.cancelled,consultation.completed,
        consultation.joined,prescription.issued,payment.recorded,refund.recorded,account.created,
        account.closed,account.deactivated,account.activated,account.email_changed,
        account.password_changed,account.second_factor_changed,account.signed_in_on_new_device,
        account.email_verification_requested,account.password_reset_requested,slot.opened,
        slot.withdrawn}'::text[];
end;
$$;

comment on function app.webhook_event_types() is
'The types of events that webhooks can get, all of app.event_type.';

create function app.check_webhook(p_event_types text[], p_secret text)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
    v_known constant text[] := app.webhook_event_types();
begin
    perform app.refuse_faults(array(
        select row(f.field, f.code, f.detail)::app.fault
        from (values
            (p_event_types is not null and not app.are_different(p_event_types),
                'event_types', 'TM201', 'Name each type of events once'),
            (not p_event_types <@ v_known,
                'event_types', 'TM201',
                'There are these types of events: ' || array_to_string(v_known, ', ')),
            (octet_length(p_secret) not between 1 and 1024,
                'secret', 'TM201', 'The encrypted secret must have 1 to 1024 bytes')
        ) as f (is_wrong, field, code, detail)
        where f.is_wrong));
end;
$$;

comment on function app.check_webhook(text[], text) is
'Refuses types of events that do not exist or occur twice, and a secret that is too long. Null is
not checked. Raises TM201.';

create function app.lock_webhook(p_webhook_id uuid)
returns app.webhook_endpoints
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
    v_endpoint app.webhook_endpoints;
begin
    select w.* into v_endpoint
    from app.webhook_endpoints as w
    where w.id = p_webhook_id and w.deleted_at is null
    for no key update;
    if not found then
        raise exception 'There is no such webhook' using errcode = 'TM415';
    end if;
    return v_endpoint;
end;
$$;

comment on function app.lock_webhook(uuid) is
'Locks a webhook that the caller may see, before its deliveries, and returns it. Raises TM415.';

commit;
