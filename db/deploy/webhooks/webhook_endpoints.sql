-- Deploy telemed:webhooks/webhook_endpoints to pg

begin;

create table app.webhook_endpoints (
    id uuid primary key default app.uuid_v7(),
    url app.https_url not null,
    description app.line,
    event_types text[] not null default '{}',
    secret bytea,
    previous_secret bytea,
    previous_ends_at app.instant,
    disabled_at app.instant,
    disabled_because text,
    consecutive_failures integer not null default 0,
    first_failed_at app.instant,
    enabled_at app.instant not null default clock_timestamp(),
    created_at app.instant not null default app.clock(),
    updated_at app.instant not null default app.clock(),
    deleted_at app.instant,
    constraint webhook_endpoints_event_types_are_up_to_50_different_names
    check (
        cardinality(event_types) <= 50
        and app.are_different(event_types)
        and array_to_string(event_types, ' ') ~ '^([a-z_.]+( [a-z_.]+)*)?$'),
    constraint webhook_endpoints_secrets_have_1_to_1024_bytes
    check (
        octet_length(secret) between 1 and 1024
        and octet_length(previous_secret) between 1 and 1024),
    constraint webhook_endpoints_have_a_secret_until_they_are_deleted
    check ((secret is null) = (deleted_at is not null)),
    constraint webhook_endpoints_know_until_when_the_previous_secret_signs
    check ((previous_secret is null) = (previous_ends_at is null)),
    constraint webhook_endpoints_forget_the_previous_secret_when_deleted
    check (previous_secret is null or deleted_at is null),
    constraint webhook_endpoints_are_disabled_for_a_known_reason
    check (
        (disabled_at is null) = (disabled_because is null)
        and disabled_because in ('by_admin', 'failing', 'gone', 'deleted')),
    constraint webhook_endpoints_are_disabled_when_they_are_deleted
    check ((disabled_because is not distinct from 'deleted') = (deleted_at is not null)),
    constraint webhook_endpoints_fail_since_their_first_failure
    check (consecutive_failures >= 0 and (consecutive_failures = 0) = (first_failed_at is null))
);

comment on table app.webhook_endpoints is
'Addresses of other systems to which events are sent: webhooks. A deleted endpoint keeps its row,
without its secrets.';
comment on column app.webhook_endpoints.event_types is
'The types of events that are sent; empty for every type but those of slots: app.webhook_wants.';
comment on column app.webhook_endpoints.secret is
'The secret that signs, encrypted by the REST API: the database cannot decrypt it.';
comment on column app.webhook_endpoints.previous_secret is
'The secret before, encrypted, which signs as well until previous_ends_at.';
comment on column app.webhook_endpoints.disabled_because is
'by_admin; failing: a delivery was given up, and nothing was delivered since its first attempt;
gone: the endpoint has answered 410; deleted.';
comment on column app.webhook_endpoints.consecutive_failures is
'Failed attempts since the last delivery.';
comment on column app.webhook_endpoints.first_failed_at is
'When the first failed attempt since the last delivery began.';
comment on column app.webhook_endpoints.enabled_at is
'When the endpoint was created or enabled. Events that occurred before are sent only if somebody
asks for them.';

create trigger webhook_endpoints_are_audited
after insert or update or delete on app.webhook_endpoints
for each row execute function app.record_change('id', 'secret', 'previous_secret');

create function app.webhook_endpoints_stay_deleted()
returns trigger
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    if old.deleted_at is not null or (new.id, new.created_at) <> (old.id, old.created_at) then
        raise exception 'A deleted webhook stays as it is, and every webhook keeps its id'
            using errcode = 'TM912';
    end if;
    return new;
end;
$$;

comment on function app.webhook_endpoints_stay_deleted() is
'Trigger: a deleted endpoint does not change any more, and no endpoint gets another id. Raises
TM912.';

create trigger webhook_endpoints_stay_deleted
before update on app.webhook_endpoints
for each row execute function app.webhook_endpoints_stay_deleted();

create trigger webhook_endpoints_are_never_deleted
before delete on app.webhook_endpoints
for each row execute function app.rows_are_append_only();

create trigger webhook_endpoints_are_never_truncated
before truncate on app.webhook_endpoints
for each statement execute function app.rows_are_append_only();

alter table app.webhook_endpoints enable row level security;
alter table app.webhook_endpoints force row level security;
create policy webhook_endpoints_are_all_there_for_internal_functions
on app.webhook_endpoints to telemed_internal using (true);

create policy webhook_endpoints_are_managed_by_admins
on app.webhook_endpoints to telemed_owner
using (
    (select current_setting('app.verified_role', true)) = 'admin');

create function app.webhook_wants(p_event_types text[], p_type text)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return p_type = any (p_event_types)
        or (p_event_types = '{}' and p_type not in ('slot.opened', 'slot.withdrawn'));
end;
$$;

comment on function app.webhook_wants(text[], text) is
'Whether an endpoint with the filter p_event_types gets events of a type. An empty filter stands for
every type but those of slots, which come by the thousand: a filter has to name them.';

set local role telemed_internal;
create function app.is_wanted_by_a_webhook(p_type text)
returns boolean
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return exists (
        select from app.webhook_endpoints as w
        where w.disabled_at is null and app.webhook_wants(w.event_types, p_type));
end;
$$;

comment on function app.is_wanted_by_a_webhook(text) is
'Whether an enabled endpoint gets events of a type.';
reset role;

create view api.webhooks as
select
    id,
    url::text as url,
    description::text as description,
    event_types,
    disabled_at is null as is_enabled,
    disabled_because,
    disabled_at::timestamptz as disabled_at,
    consecutive_failures,
    first_failed_at::timestamptz as first_failed_at,
    previous_ends_at::timestamptz as previous_ends_at,
    created_at::timestamptz as created_at,
    updated_at::timestamptz as updated_at
from app.webhook_endpoints
where deleted_at is null;

comment on view api.webhooks is
'A webhook: the address of another system, and the types of events that are sent there. No secret
is shown.';

commit;
