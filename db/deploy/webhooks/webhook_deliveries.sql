-- Deploy telemed:webhooks/webhook_deliveries to pg

begin;

-- What is not settled yet is found by small indexes, however many deliveries there were.
create table app.webhook_deliveries (
    id uuid primary key default app.uuid_v7(),
    endpoint_id uuid not null references app.webhook_endpoints,
    event_id bigint,
    event_type text not null,
    consultation_id uuid,
    sequence_number integer,
    body text not null,
    status text not null default 'pending',
    attempt integer not null default 0,
    tries integer not null default 0,
    first_tried_at app.instant,
    next_attempt_at app.instant default app.clock(),
    lease_ends_at app.instant,
    settled_at app.instant,
    created_at app.instant not null default app.clock(),
    constraint webhook_deliveries_of_an_event_are_made_once unique (endpoint_id, event_id),
    constraint webhook_deliveries_status_is_known
    check (status in ('pending', 'sending', 'delivered', 'given_up')),
    constraint webhook_deliveries_name_the_type_of_their_event
    check (char_length(event_type) <= 80 and event_type ~ '^[a-z_]+(\.[a-z_]+)+$'),
    constraint webhook_deliveries_body_is_an_object_that_is_not_empty
    check (jsonb_typeof(body::jsonb) = 'object' and body::jsonb <> '{}'),
    constraint webhook_deliveries_are_ordered_within_a_consultation
    check ((consultation_id is null) = (sequence_number is null)),
    constraint webhook_deliveries_wait_until_their_next_attempt
    check ((status = 'pending') = (next_attempt_at is not null)),
    constraint webhook_deliveries_have_a_lease_while_they_are_sent
    check ((status = 'sending') = (lease_ends_at is not null)),
    constraint webhook_deliveries_are_settled_at_a_time
    check ((status in ('delivered', 'given_up')) = (settled_at is not null)),
    constraint webhook_deliveries_tries_are_attempts check (tries between 0 and attempt),
    constraint webhook_deliveries_know_their_first_try
    check ((tries = 0) = (first_tried_at is null))
);

comment on table app.webhook_deliveries is
'One event for one endpoint. Without an event it is a ping. Only the worker and redeliveries change
it, so it has no audit log: app.webhook_attempts and app.webhook_redeliveries say what happened.';
comment on column app.webhook_deliveries.body is
'The body of every attempt, made once: the signature is over these bytes in UTF-8.';
comment on column app.webhook_deliveries.status is
'pending: waits for its next attempt, or for an earlier delivery of the consultation; sending: a
worker has it until lease_ends_at; delivered, given_up: settled.';
comment on column app.webhook_deliveries.attempt is
'The number of the latest attempt. A worker settles only the attempt that it has claimed.';
comment on column app.webhook_deliveries.tries is
'Attempts since the delivery was made or asked for again: the back-off grows with it.';

create index webhook_deliveries_by_consultation
on app.webhook_deliveries (endpoint_id, consultation_id, sequence_number)
where status in ('pending', 'sending') and consultation_id is not null;
create index webhook_deliveries_unsettled
on app.webhook_deliveries (endpoint_id, status) where status in ('pending', 'sending');
create index webhook_deliveries_by_next_attempt
on app.webhook_deliveries (next_attempt_at) where status = 'pending';
create index webhook_deliveries_by_lease
on app.webhook_deliveries (lease_ends_at) where status = 'sending';
create index webhook_deliveries_by_end
on app.webhook_deliveries (settled_at) where settled_at is not null;

create trigger webhook_deliveries_keep_what_they_send
before update of endpoint_id, event_id, event_type, consultation_id, sequence_number, body
on app.webhook_deliveries
for each row execute function app.rows_are_append_only();

create trigger webhook_deliveries_are_never_truncated
before truncate on app.webhook_deliveries
for each statement execute function app.rows_are_append_only();

alter table app.webhook_deliveries enable row level security;
alter table app.webhook_deliveries force row level security;
create policy webhook_deliveries_are_all_there_for_internal_functions
on app.webhook_deliveries to telemed_internal using (true);

create policy webhook_deliveries_are_managed_by_admins
on app.webhook_deliveries to telemed_owner
using (
    (select current_setting('app.verified_role', true)) = 'admin');

create table app.webhook_attempts (
    id uuid primary key default app.uuid_v7(),
    endpoint_id uuid not null references app.webhook_endpoints,
    delivery_id uuid not null references app.webhook_deliveries,
    attempt integer not null,
    attempted_at app.instant not null,
    duration_ms integer,
    status_code smallint,
    error app.line,
    answer text,
    constraint webhook_attempts_are_numbered_within_their_delivery unique (delivery_id, attempt),
    constraint webhook_attempts_duration_is_not_negative check (duration_ms >= 0),
    -- Some servers send codes that HTTP does not define: RFC 9110, section 15.
    constraint webhook_attempts_status_code_has_three_digits
    check (status_code between 100 and 999),
    constraint webhook_attempts_have_an_answer_or_an_error
    check (status_code is not null or error is not null),
    constraint webhook_attempts_answer_has_up_to_1000_characters
    check (char_length(answer) <= 1000)
);

comment on table app.webhook_attempts is
'Attempts to deliver an event to an endpoint. duration_ms: milliseconds; null if the worker ended
before it could report the outcome. answer: the beginning of the body of the answer.';

create index webhook_attempts_by_endpoint on app.webhook_attempts (endpoint_id, id);

create trigger webhook_attempts_are_never_changed
before update on app.webhook_attempts
for each row execute function app.rows_are_append_only();

create trigger webhook_attempts_are_never_truncated
before truncate on app.webhook_attempts
for each statement execute function app.rows_are_append_only();

alter table app.webhook_attempts enable row level security;
alter table app.webhook_attempts force row level security;
create policy webhook_attempts_are_all_there_for_internal_functions
on app.webhook_attempts to telemed_internal using (true);

create policy webhook_attempts_are_seen_by_admins
on app.webhook_attempts for select to telemed_owner
using (
    (select current_setting('app.verified_role', true)) = 'admin');

create function app.webhook_message_id(p_endpoint_id uuid, p_event_id bigint, p_delivery_id uuid)
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_event_id is null then
        return 'ping_' || replace(p_delivery_id::text, '-', '');
    end if;
    return format('event_%s_%s', p_event_id, replace(p_endpoint_id::text, '-', ''));
end;
$$;

comment on function app.webhook_message_id(uuid, bigint, uuid) is
'The webhook-id of a delivery (Standard Webhooks): the same in each attempt and in each redelivery,
so that a receiver recognises a repeat. p_event_id: null for a ping.';

create view api.webhook_deliveries as
select
    id,
    endpoint_id as webhook_id,
    app.webhook_message_id(endpoint_id, event_id, id) as message_id,
    event_id,
    event_type,
    consultation_id,
    status,
    attempt as attempts,
    next_attempt_at::timestamptz as next_attempt_at,
    settled_at::timestamptz as settled_at,
    created_at::timestamptz as created_at
from app.webhook_deliveries;

comment on view api.webhook_deliveries is
'One event for one webhook; a ping without an event. message_id: its header webhook-id.';

create view api.webhook_attempts as
select
    a.id,
    a.endpoint_id as webhook_id,
    a.delivery_id,
    app.webhook_message_id(d.endpoint_id, d.event_id, d.id) as message_id,
    d.event_id,
    d.event_type,
    d.consultation_id,
    d.status as delivery_status,
    a.attempt,
    a.attempted_at::timestamptz as attempted_at,
    a.duration_ms,
    a.status_code,
    a.error::text as error,
    a.answer
from app.webhook_attempts as a
inner join app.webhook_deliveries as d on d.id = a.delivery_id;

comment on view api.webhook_attempts is
'An attempt to deliver an event to a webhook, with the present status of the delivery.';

commit;
