-- Deploy telemed:events/events to pg

begin;

create domain app.event_type as text
constraint event_type_is_known
check (value in (
    'slot.opened', 'slot.withdrawn',
    'consultation.booked', 'consultation.rescheduled', 'consultation.cancelled',
    'consultation.completed', 'consultation.joined',
    'prescription.issued', 'payment.recorded', 'refund.recorded',
    'account.created', 'account.closed', 'account.deactivated', 'account.activated',
    'account.email_changed', 'account.password_changed', 'account.second_factor_changed',
    'account.signed_in_on_new_device', 'account.email_verification_requested',
    'account.password_reset_requested'));
comment on domain app.event_type is
'What has happened: a subject and a verb in the past. docs/events.md lists the data of each type.';

create domain app.event_number as integer
constraint event_number_is_above_zero check (value > 0);
comment on domain app.event_number is
'The number of an event among those of its consultation: 1, 2, 3 and so on.';

-- No foreign keys: a record does not depend on what it is about, and each would cost every booking.
-- One check for all: PostgreSQL prepares each check of a table again for each statement.
create table app.events (
    id bigint generated always as identity,
    occurred_at app.instant not null default clock_timestamp(),
    transaction_id xid8 not null default pg_current_xact_id(),
    type app.event_type not null,
    consultation_id uuid,
    sequence_number integer,
    predecessor_id bigint,
    slot_id uuid,
    doctor_id uuid,
    patient_id uuid,
    user_id uuid,
    data jsonb not null default '{}',
    actor_id uuid,
    actor_role app.code,
    database_login name not null default session_user,
    request_id app.line,
    cause app.code,
    constraint events_pkey primary key (id, occurred_at),
    constraint events_have_an_object_and_a_number_with_its_predecessor
    check (
        jsonb_typeof(data) = 'object'
        and (sequence_number is null) = (consultation_id is null)
        and (predecessor_id is not null) = (coalesce(sequence_number, 1) > 1))
) partition by range (occurred_at);

comment on table app.events is
'What has happened, for everybody who has to react: one row for each event, written by triggers in
the transaction of the change (app.add_event). No clinical text, no secrets.';
comment on column app.events.transaction_id is
'The place of the event among the others: readers go by transaction_id and id. It is the transaction
that wrote the event, or that of its predecessor if that has a higher number, so that the events of
a consultation are read in their order.';
comment on column app.events.sequence_number is
'1, 2, 3 and so on for the events of a consultation; null for an event without a consultation.';
comment on column app.events.predecessor_id is
'The id of the event before this one, of the same consultation.';
comment on column app.events.user_id is 'The account that the event is about, if it is about one.';
comment on column app.events.data is 'See docs/events.md.';
comment on column app.events.actor_id is
'The account that the change was made for; null for a change without a verified caller.';
comment on column app.events.cause is
'The function of api, ops or work that made the change, such as cancel_consultation or
deactivate_user; null for a change by hand.';

create index events_in_order on app.events (transaction_id, id);
create index events_by_consultation on app.events (consultation_id, sequence_number);

create trigger events_are_append_only
before update or delete on app.events
for each row execute function app.rows_are_append_only();

create trigger events_are_never_truncated
before truncate on app.events
for each statement execute function app.rows_are_append_only();

alter table app.events enable row level security;
alter table app.events force row level security;
create policy events_are_all_there_for_internal_functions
on app.events to telemed_internal using (true);

create policy events_are_seen_by_admins
on app.events for select to telemed_owner
using ((select current_setting('app.verified_role', true)) = 'admin');

grant usage on sequence app.events_id_seq to telemed_internal;

do $$
begin
    perform app.create_partition('events');
    perform app.create_partition('events', m::date)
    from generate_series(
        date_trunc('month', now() at time zone 'UTC'),
        now() at time zone 'UTC' + interval '3 months', '1 month') as m;
end;
$$;

-- The primary key decides when two transactions number events of one consultation at once: the
-- second waits for the first. A unique constraint of app.events could not, because it would have to
-- contain occurred_at; and this row stays when partitions of app.events are dropped.
create table app.latest_events (
    consultation_id uuid primary key,
    sequence_number app.event_number not null default 1,
    event_id bigint not null,
    predecessor_id bigint,
    transaction_id xid8 not null
);

comment on table app.latest_events is
'The newest event of each consultation: its number, its id, its predecessor and its transaction_id,
as in app.events.';

create trigger latest_events_are_never_deleted
before delete on app.latest_events
for each row execute function app.rows_are_append_only();

create trigger latest_events_are_never_truncated
before truncate on app.latest_events
for each statement execute function app.rows_are_append_only();

alter table app.latest_events enable row level security;
alter table app.latest_events force row level security;
create policy latest_events_are_internal on app.latest_events to telemed_internal using (true);

create view api.events as
select
    id,
    occurred_at::timestamptz as occurred_at,
    type::text as type,
    consultation_id,
    sequence_number,
    predecessor_id,
    slot_id,
    doctor_id,
    patient_id,
    user_id,
    data,
    actor_id,
    actor_role::text as actor_role,
    database_login::text as database_login,
    request_id::text as request_id,
    cause::text as cause
from app.events;

comment on view api.events is 'An event, as api.list_events returns it.';

set local role telemed_internal;
create view ops.events as
select
    id,
    occurred_at::timestamptz as occurred_at,
    transaction_id::text::bigint as transaction_id,
    type::text as type,
    consultation_id,
    sequence_number,
    predecessor_id,
    slot_id,
    doctor_id,
    patient_id,
    user_id,
    data,
    actor_id,
    actor_role::text as actor_role,
    database_login::text as database_login,
    request_id::text as request_id,
    cause::text as cause
from app.events;

comment on view ops.events is 'All events, for DBAs.';

grant select on ops.events to telemed_dba;

commit;
