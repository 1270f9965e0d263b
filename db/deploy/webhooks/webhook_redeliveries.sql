-- Deploy telemed:webhooks/webhook_redeliveries to pg

begin;

create table app.webhook_redeliveries (
    id uuid primary key default app.uuid_v7(),
    endpoint_id uuid not null references app.webhook_endpoints,
    event_id bigint,
    starts_at app.instant,
    ends_at app.instant,
    deliveries integer not null,
    created_at app.instant not null default app.clock(),
    constraint webhook_redeliveries_are_of_one_event_or_of_a_range
    check (
        (event_id is null) = (starts_at is not null)
        and (starts_at is null) = (ends_at is null)),
    constraint webhook_redeliveries_end_after_they_begin check (ends_at > starts_at),
    constraint webhook_redeliveries_deliveries_are_counted check (deliveries >= 0)
);

comment on table app.webhook_redeliveries is
'Requests to send events again, to one endpoint: one event, or those that occurred in a range of
time. deliveries: how many they were. The audit log says who asked.';

create index webhook_redeliveries_by_endpoint on app.webhook_redeliveries (endpoint_id, id);

create trigger webhook_redeliveries_are_append_only
before update or delete on app.webhook_redeliveries
for each row execute function app.rows_are_append_only();

create trigger webhook_redeliveries_are_never_truncated
before truncate on app.webhook_redeliveries
for each statement execute function app.rows_are_append_only();

create trigger webhook_redeliveries_are_audited
after insert or update or delete on app.webhook_redeliveries
for each row execute function app.record_change('id');

alter table app.webhook_redeliveries enable row level security;
alter table app.webhook_redeliveries force row level security;
create policy webhook_redeliveries_are_all_there_for_internal_functions
on app.webhook_redeliveries to telemed_internal using (true);

create policy webhook_redeliveries_are_asked_for_by_admins
on app.webhook_redeliveries to telemed_owner
using (
    (select current_setting('app.verified_role', true)) = 'admin');

create view api.webhook_redeliveries as
select
    id,
    endpoint_id as webhook_id,
    event_id,
    starts_at::timestamptz as starts_at,
    ends_at::timestamptz as ends_at,
    deliveries,
    created_at::timestamptz as created_at
from app.webhook_redeliveries;

comment on view api.webhook_redeliveries is
'A request to send events to a webhook again, and how many events it found.';

commit;
